"""Previews: the very document that a mutation makes, and the regular invoice that follows; and no trace of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

import schema
from billing.pricing import Decrease
from kernel import ids
from kernel.work import Work
from seats import buying
from tests.graph.asking import DAY, At
from tests.graph.crowd import evidence
from tests.graph.dropping import with_add_on
from tests.graph.test_changes import Life, pooled, subscribed
from tests.scenery import Scene, World

LINE = "description kind quantity formula periodStart periodEnd amount { minor } discount { minor } tax { minor }"
DOCUMENT = "currency subtotal { minor } tax { minor } total { minor }"
SHOWN = f"{DOCUMENT} lines {{ {LINE} }} credit {{ minor }} due {{ minor }}"
INVOICE = f"query($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ {DOCUMENT} lineItems {{ {LINE} }} }} }} }}"
ELEVEN_DAYS = timedelta(days=11, seconds=7)

Told = Mapping[str, Any] | Callable[[Life], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One mutation and its preview: how a life comes there, and what both are told."""

    preview: str
    mutation: str
    life: Callable[[World], Awaitable[Life]]
    told: Told = field(default_factory=dict)
    bills: bool = True
    goes_on: bool = True


@pytest.fixture(autouse=True)
def _clock_put_back(world: World) -> Iterator[None]:
    door = world.app.state.door
    yield
    world.app.state.door = door


# How a life comes there


async def _at(life: Life, moment: datetime) -> Life:
    """Stop the clock there, for whoever asks: a preview and its mutation come at one instant."""
    world = life.world
    world.app.state.door = replace(world.app.state.door, clock=At(moment))
    life.who = replace(life.who, bearer=world.bearer(life.who.number, life.who.session_number, moment))
    return life


async def _on(life: Life, by: timedelta) -> Life:
    return await _at(life, await life.world.app.state.door.clock.now() + by)


async def _new(world: World) -> Life:
    who = await world.person("ada")
    await world.run("update account set country = 'DE' where id = $1", who.account_number)
    return await _at(Life(world, who, who.account_number), await world.now())


async def _empty(world: World) -> Life:
    scene = await world.workspace()
    return await _at(Life(world, scene.owner, scene.number), await world.now())


async def _pro(world: World) -> Life:
    return await _on(await _taxed(await subscribed(world, world.catalog.pro)), ELEVEN_DAYS)


async def _max(world: World) -> Life:
    return await _on(await subscribed(world, world.catalog.max), ELEVEN_DAYS)


async def _taxed(life: Life) -> Life:
    await life.world.run("update account set country = 'DE' where id = $1", life.account)
    return life


async def _waiting(world: World) -> Life:
    life = await _max(world)
    await life.does("changeSubscription", item=life.item, price=world.catalog.pro.price, at="PERIOD_END")
    return life


async def _beside(world: World) -> Life:
    return await _on(await _taxed(await with_add_on(world, Decrease.NOW)), ELEVEN_DAYS)


async def _beside_waiting(world: World) -> Life:
    life = await _beside(world)
    await life.does("changeSubscription", item=life.known["add_on"], quantity=3, at="PERIOD_END")
    return life


async def _paused(world: World) -> Life:
    life = await _pro(world)
    await life.does("pauseSubscription")
    return await _on(life, 3 * DAY)


async def _leaving(world: World) -> Life:
    life = await _pro(world)
    await life.does("cancelSubscription")
    return life


async def _pool(world: World) -> Life:
    return await _on(await pooled(await world.workspace(), 5), ELEVEN_DAYS)


async def _shrinking(world: World) -> Life:
    life = await _pool(world)
    await life.does("changeSeats", pool=life.pool, seats=2)
    return life


async def _coded(life: Life) -> Life:
    life.known["code"] = await Scene(life.world, 0, {}).code(percent="15")
    return life


async def _new_with_code(world: World) -> Life:
    return await _coded(await _new(world))


async def _with_code(world: World) -> Life:
    return await _coded(await _pro(world))


async def _discounted(world: World) -> Life:
    life = await _with_code(world)
    shows = "... on Discount { id }"
    applied = await world.change("applyDiscount", life.who, shows_=shows, subscription=life.id, code=life.known["code"])
    life.known["discount"] = applied.data["applyDiscount"]["id"]
    return life


# What both are told


def _item(**more: Any) -> Told:
    return lambda life: {"item": life.item, **more}


def _to(offer: str, **more: Any) -> Told:
    return lambda life: {"item": life.item, "price": getattr(life.world.catalog, offer).price, **more}


def _seats(seats: int) -> Told:
    return lambda life: {"pool": life.pool, "seats": seats}


def _bought(offer: str, **more: Any) -> Told:
    return lambda life: {
        "account": ids.encode("account", life.account),
        "price": getattr(life.world.catalog, offer).price,
        **more,
    }


def _dropped(**more: Any) -> Told:
    return lambda life: {"item": life.known["add_on"], **more}


def _add_on(**more: Any) -> Told:
    return lambda life: {"price": life.world.catalog.max.price, "quantity": 2, **more}


def _code(life: Life) -> Mapping[str, Any]:
    return {"code": life.known["code"]}


def _bought_with_code(life: Life) -> Mapping[str, Any]:
    return {"account": life.who.account, "price": life.world.catalog.pro.price, **_code(life)}


def _discount(life: Life) -> Mapping[str, Any]:
    return {"discount": life.known["discount"]}


CHANGE = ("previewChange", "changeSubscription")
DROP = ("previewDropItem", "dropItem")
CANCEL = ("previewCancel", "cancelSubscription")
SEATS = ("previewSeats", "changeSeats")
NOW_WITH_CREDIT = {"at": "NOW", "credit": True}
CASES = {
    "subscribe": Case("previewSubscribe", "subscribe", _new, _bought("pro")),
    "buy seats": Case("previewSubscribe", "createLicensePool", _empty, _bought("team", seats=7)),
    "upgrade": Case(*CHANGE, _pro, _to("max")),
    "longer interval": Case(*CHANGE, _max, _to("max_yearly")),
    "downgrade": Case(*CHANGE, _max, _to("pro")),
    "more at one flat price": Case(*CHANGE, _pro, _item(quantity=3), bills=False),
    "add-on": Case(*CHANGE, _pro, _add_on()),
    "later": Case(*CHANGE, _max, _to("pro", at="PERIOD_END"), bills=False),
    "add-on later": Case(*CHANGE, _pro, _add_on(at="PERIOD_END"), bills=False),
    "instead of what waits": Case(*CHANGE, _waiting, _to("max_yearly")),
    "beside what waits": Case(*CHANGE, _waiting, _item(quantity=2), bills=False),
    "drop": Case(*DROP, _beside, _dropped(at="NOW")),
    "drop later": Case(*DROP, _beside, _dropped(), bills=False),
    "drop what waits": Case(*DROP, _beside_waiting, _dropped(), bills=False),
    "pause": Case("previewPause", "pauseSubscription", _pro, goes_on=False),
    "resume": Case("previewResume", "resumeSubscription", _paused),
    "cancel now": Case(*CANCEL, _pro, NOW_WITH_CREDIT, goes_on=False),
    "cancel for nothing": Case(*CANCEL, _pro, {"at": "NOW"}, bills=False, goes_on=False),
    "cancel later": Case(*CANCEL, _pro, bills=False, goes_on=False),
    "reactivate": Case("previewReactivate", "reactivateSubscription", _leaving, bills=False),
    "billing day": Case("previewBillingDay", "changeBillingDay", _pro, {"day": 31}),
    "subscribe with a code": Case("previewSubscribe", "subscribe", _new_with_code, _bought_with_code),
    "apply a discount": Case("previewDiscount", "applyDiscount", _with_code, _code, bills=False),
    "remove a discount": Case("previewDiscountRemoval", "removeDiscount", _discounted, _discount, bills=False),
    "more seats": Case(*SEATS, _pool, _seats(8)),
    "fewer seats": Case(*SEATS, _pool, _seats(2), bills=False),
    "as many seats again": Case(*SEATS, _shrinking, _seats(5), bills=False),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_preview_is_what_the_mutation_makes_and_what_comes_then(name: str, world: World) -> None:
    case = CASES[name]
    life = await case.life(world)

    seen = await _previewed(life, case)
    before = await _numbers(life)
    await _mutated(life, case)
    made = (await _numbers(life))[len(before) :]
    again = await _renewal(life) if case.goes_on else None
    renewed = await _renewed(life)

    assert len(made) == case.bills
    assert [await _invoice(life, number) for number in made] == ([_shown(seen)] if seen["lines"] else [])
    assert seen["next"] == again
    assert renewed == (seen["next"] and _shown(seen["next"]))


@pytest.mark.parametrize("name", CASES)
async def test_a_preview_leaves_nothing_behind(name: str, world: World) -> None:
    case = CASES[name]
    life = await case.life(world)
    before = await _traces(life)

    await _previewed(life, case)

    assert await _traces(life) == before


@pytest.mark.parametrize("preview", sorted({case.preview for case in CASES.values()}))
async def test_a_stranger_is_told_that_there_is_no_such_thing(preview: str, world: World) -> None:
    case = next(case for case in CASES.values() if case.preview == preview)
    life = await case.life(world)
    told, mallory = _told(life, case), await world.person("mallory")
    stranger = await _at(Life(world, mallory, mallory.account_number), await world.app.state.door.clock.now())

    asked = [await world.ask(_document(preview, told), asker, **told) for asker in (stranger.who, None)]

    assert [reply.code for reply in asked] == ["NOT_FOUND"] * 2


def test_every_mutation_that_bills_has_a_preview() -> None:
    asked = {name for name, shown in _shows().items() if shown == "InvoicePreview"}

    assert asked == {case.preview for case in CASES.values()} | {"previewRenewal"}


async def test_a_preview_tells_what_of_the_credit_it_uses_and_what_is_left_to_pay(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    await _at(life, await world.value("select period_start from subscription where id = $1", life.number))
    await life.does("pauseSubscription")

    seen = await _asked(life, "previewResume", {"subscription": life.id})

    assert (seen["total"]["minor"], seen["credit"]["minor"], seen["due"]["minor"]) == (5000, 5000, 0)
    assert (seen["next"]["credit"]["minor"], seen["next"]["due"]["minor"]) == (0, 5000)


async def test_of_two_billing_days_at_one_instant_the_second_is_refused_and_previewed_so(world: World) -> None:
    life = await _pro(world)
    await life.does("changeBillingDay", day=25)
    before = await _traces(life)

    seen = await world.ask(
        _document("previewBillingDay", told := {"subscription": life.id, "day": 28}), life.who, **told
    )
    changed = await life.does("changeBillingDay", day=28)

    assert seen.code == "INVALID_INPUT"
    assert changed["__typename"] == "BillingDayJustMoved"
    assert changed["message"] == "The billing day was changed at this very instant. Change it again in a moment."
    assert await _traces(life) == before


# What is asked, and what came of it


def _told(life: Life, case: Case) -> dict[str, Any]:
    told = dict(case.told(life) if callable(case.told) else case.told)
    by_itself = {"account", "pool", "discount"} & told.keys() or case.mutation == "dropItem"
    return told if by_itself else {"subscription": life.id, **told}


@cache
def _shows() -> dict[str, str]:
    """Every question of the graph, with the type of its answer."""
    query = schema.graph()._schema.query_type
    assert query is not None
    return {name: str(found.type) for name, found in query.fields.items()}


@cache
def _arguments() -> dict[str, dict[str, str]]:
    """Every question of the graph, with its arguments' types."""
    query = schema.graph()._schema.query_type
    assert query is not None
    return {
        name: {key: str(argument.type) for key, argument in found.args.items()} for name, found in query.fields.items()
    }


async def _previewed(life: Life, case: Case) -> Any:
    return await _asked(life, case.preview, _told(life, case))


async def _asked(life: Life, preview: str, told: Mapping[str, Any]) -> Any:
    (answer,) = (await life.world.ask(_document(preview, told), life.who, **told)).data.values()
    return answer


def _document(preview: str, told: Mapping[str, Any]) -> str:
    kinds = _arguments()[preview]
    declared = ", ".join(f"${name}: {kinds[name]}" for name in told)
    given = ", ".join(f"{name}: ${name}" for name in told)
    following = "" if preview == "previewRenewal" else f"next {{ {SHOWN} }}"
    return f"query({declared}) {{ {preview}({given}) {{ {SHOWN} {following} }} }}"


async def _mutated(life: Life, case: Case) -> None:
    told = _told(life, case)
    if case.mutation == "createLicensePool":
        told["workspace"] = ids.encode("workspace", ids.decode("account", told.pop("account")))
    reply = await life.world.change(case.mutation, life.who, **told)
    assert "Problem" not in reply.data[case.mutation]["__typename"]
    if not life.id:
        found = "select id from subscription where account_id = $1"
        life.id = ids.encode("sub", await life.world.value(found, life.account))


async def _numbers(life: Life) -> list[int]:
    rows = await life.world.rows("select id from invoice where account_id = $1 order by id", life.account)
    return [row["id"] for row in rows]


async def _invoice(life: Life, number: int) -> dict[str, Any]:
    """An invoice in the words of a preview."""
    found = await life.ask(INVOICE, id=ids.encode("inv", number))
    credit = await life.world.value("select credit_minor from invoice where id = $1", number)
    due = found["total"]["minor"] - credit
    return {"lines": found.pop("lineItems"), **found, "credit": {"minor": credit}, "due": {"minor": due}}


def _shown(seen: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in seen.items() if name != "next"}


async def _renewal(life: Life) -> Any:
    return await _asked(life, "previewRenewal", {"subscription": life.id})


async def _renewed(life: Life) -> dict[str, Any] | None:
    """The invoice that a worker makes when the period ends; None where it makes none."""
    (row,) = await life.world.rows(
        "select period_end, ended_at, cancel_at from subscription where id = $1", life.number
    )
    if row["ended_at"] or row["cancel_at"]:
        return None
    door, before = life.world.app.state.door, await _numbers(life)
    work = Work(door.engine, row["period_end"], ids=door.blocks, sees={"staff": "on"})
    async with work.transaction():
        await work.bind(life.account)
        await buying.begin_next(work, life.account, life.number)
    await work.close()
    made = (await _numbers(life))[len(before) :]
    return await _invoice(life, made[0]) if made else None


async def _traces(life: Life) -> list[Any]:
    """A digest of all that belongs to the account, and the last number of each series."""
    series = await life.world.rows("select kind, year, last from number_series order by 1, 2")
    return [await evidence(Scene(life.world, life.account, {})), [tuple(row) for row in series]]
