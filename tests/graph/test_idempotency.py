"""Idempotency keys: a request that is sent again gives the same answer, and has had one effect."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import pytest

import schema
from auth.policy import KeyScope, Role
from kernel import ids
from schema.changes import MUTATIONS
from tests.graph.asking import DAY, said, stranger, told, work_off
from tests.graph.attempts import ATTEMPTS, OURS, whoever_may
from tests.graph.crowd import evidence
from tests.scenery import Asker, Reply, Scene, opened

NAMES = sorted(schema.graph()._schema.mutation_type.fields)  # type: ignore[union-attr]
OTHER: dict[str, dict[str, Any]] = {
    "createServiceKey": {"days": 30},
    "setUpPaymentMethod": {"default": False},
    "createLicensePool": {"seats": 3},
    "createSamlConnection": {"name": "Otherwise"},
    "createSsoConnection": {"name": "Otherwise"},
    "enforceSso": {"enforced": True},
    "createSetupLink": {"purpose": "SSO"},
    "leaveWorkspace": {"workspace": ids.encode("workspace", 1)},
    "enrollBreakGlass": {"workspace": ids.encode("workspace", 1)},
    "confirmBreakGlass": {"code": "000 000"},
    "removeBreakGlass": {"breakGlass": ids.encode("glass", 1)},
    "openBreakGlass": {"code": "000 000"},
    "changeSessionPolicy": {"hours": 24},
    "renameWorkspace": {"name": "Otherwise"},
    "changeDecrease": {"decrease": "KEEP_PAID"},
    "startBulkExport": {"document": "{ invoices { nodes { id } } }"},
    "createWorkspace": {"name": "Otherwise"},
    "createDirectory": {"name": "Otherwise"},
    "createOneOffInvoice": {"poNumber": "PO 2"},
    "grantCredit": {"amount": {"minor": 101, "currency": "USD"}},
    "requestApproval": {"reason": "Otherwise"},
}
"""What another input differs in, where another attempt would be the same."""

CHANGED = "__typename ... on SubscriptionChanged { subscription { id } invoice { id } } ... on Problem { message }"
SHOWN = {
    "changeSubscription": CHANGED,
    "dropItem": "__typename ... on SubscriptionChanged { change { id } } ... on Problem { message }",
    "resumeSubscription": CHANGED,
    "changeBillingDay": CHANGED,
    "changeSeats": "__typename ... on SeatsChanged { pool { id purchased } invoice { id } } ... on Problem { message }",
    "createOneOffInvoice": "id",
    "requestApproval": "id",
    "limitSubscription": "id",
    "grantCredit": "__typename ... on CreditBalance { balance { minor } } ... on Problem { message }",
    "setUpPaymentMethod": "id clientSecret",
    "checkPaymentMethodSetup": "id paymentMethod { id }",
    "checkPayment": "id state",
    "createWorkspace": "id name",
    "recordUsage": "recorded duplicates results { place key outcome message }",
    "voidUsage": "__typename ... on UsageRecorded { recorded } ... on Problem { message }",
    "renameWorkspace": "id name",
    "createServiceKey": "text key { id }",
    "createSamlConnection": "__typename ... on Node { id } ... on Problem { message }",
    "changeSamlConnection": "id subjectAttribute",
    "createSsoConnection": "__typename ... on Node { id } ... on Problem { message }",
    "changeSessionPolicy": "id sessionHours",
    "restoreSeats": "__typename ... on SeatsRestored { restored people { seat { id } } } ... on Problem { message }",
    "moveSeats": "__typename ... on SeatsMoved { moved { seat { id } } } ... on Problem { message }",
    "approveSeatRequest": (
        "__typename ... on SeatRequestApproved { request { id } seat { id } bought } ... on Problem { message }"
    ),
    "changeOverage": "id overage overageLimit",
    "changeDecrease": "id decrease",
    "changeReclaim": "id reclaimAfterDays",
    "endSession": "id endedAt",
    "enrollBreakGlass": "__typename ... on BreakGlassEnrolled { secret breakGlass { id } } ... on Problem { message }",
    "openBreakGlass": "__typename ... on BreakGlassOpened { session triesLeft } ... on Problem { message }",
    "enforceSso": "__typename ... on SsoEnforcement { enforced } ... on Problem { message }",
    "changeDomain": "id",
    "removeDomain": "id",
    "startSsoTest": "url login { id }",
    "createSetupLink": "url link { id }",
    "revokeSetupLink": "id revokedAt",
    "endSessions": "ended",
    "viewAs": "text viewing { id }",
    "endViewing": "id endedAt",
    "unlinkSsoIdentity": "id",
    "createDirectory": "id name",
    "setGroupRule": "id priority",
    "removeGroupRule": "id",
    "removeDirectoryToken": "id",
    "rotateDirectoryToken": "__typename ... on DirectoryTokenShown { text token { id } } ... on Problem { message }",
    "rotateServiceKey": "__typename ... on ServiceKeyShown { text key { id } } ... on Problem { message }",
    "importSeats": "__typename ... on SeatList { done rows { line outcome seat { id } } } ... on Problem { message }",
    "assignSeats": "__typename ... on ListSeated { outcomes { email outcome seat { id } } } ... on Problem { message }",
}
USUALLY = "__typename ... on Node { id } ... on Problem { message }"


async def attempt(scene: Scene, name: str) -> tuple[Asker, dict[str, Any]]:
    """Somebody who may, and what they send."""
    if name == "acceptInvitation":
        grace = await stranger(scene.world)
        return grace, {"invitation": await scene.invitation(grace.email)}
    if name == "withdrawJoinRequest":
        who = await scene.colleague()
        return who, {"request": await scene.asks_to_join(who)}
    who = await scene.colleague() if name == "askToJoin" else await whoever_may(scene, name)
    return who, await ATTEMPTS[name](scene, "owner")


async def send(scene: Scene, name: str, who: Asker, key: str, input_: dict[str, Any]) -> Reply:
    """One request with a key."""
    shows = SHOWN.get(name, USUALLY)
    why = "Because." if name in OURS else None
    return await scene.world.change(name, who, shows_=shows, reason_=why, idempotencyKey=key, **input_)


async def effects(scene: Scene) -> int:
    """How much has ever happened, to anybody."""
    found: int = await scene.world.value("select count(*) from audit_record")
    return found


def test_every_mutation_takes_a_key() -> None:
    assert sorted(MUTATIONS) == NAMES
    for name, kind in MUTATIONS.items():
        assert "idempotency_key" in {field.name for field in fields(kind)}, name


@pytest.mark.parametrize("name", NAMES)
async def test_the_same_request_again_gives_the_same_answer_and_has_no_further_effect(
    workspace: Scene, name: str
) -> None:
    who, input_ = await attempt(workspace, name)
    first = await send(workspace, name, who, "once", input_)
    before = await evidence(workspace)

    again = [await send(workspace, name, who, "once", input_) for _ in range(2)]

    assert first.codes == []
    assert "message" not in first.data[name]
    assert again == [first] * 2
    assert await evidence(workspace) == before


@pytest.mark.parametrize("name", NAMES)
async def test_another_input_with_the_same_key_is_refused(workspace: Scene, name: str) -> None:
    who, input_ = await attempt(workspace, name)
    other = {**(input_ if name in OTHER else await ATTEMPTS[name](workspace, "owner")), **OTHER.get(name, {})}
    if name == "subscribe":
        other = {**input_, "price": workspace.world.catalog.pro.price}
    await send(workspace, name, who, "once", input_)
    before = await evidence(workspace)

    reply = await send(workspace, name, who, "once", other)

    assert reply.code == "CONFLICT"
    assert reply.json["errors"][0]["message"].endswith("Use a new key for a new request.")
    assert await evidence(workspace) == before


@pytest.mark.parametrize("name", NAMES)
async def test_the_same_request_four_times_at_once_has_one_effect(workspace: Scene, name: str) -> None:
    who, input_ = await attempt(workspace, name)
    start = await effects(workspace)
    await send(workspace, name, who, "alone", input_)
    alone = await effects(workspace) - start
    who, input_ = await attempt(workspace, name)
    start = await effects(workspace)

    replies = await asyncio.gather(*(send(workspace, name, who, "together", input_) for _ in range(4)))

    assert replies[0].codes == []
    assert replies == [replies[0]] * 4
    assert await effects(workspace) - start == alone


async def test_one_key_does_not_serve_two_mutations(workspace: Scene) -> None:
    seat = await workspace.seat(await workspace.pool(1), workspace.owner)
    await send(workspace, "suspendSeat", workspace.owner, "once", {"seat": seat})
    before = await evidence(workspace)

    reply = await send(workspace, "resumeSeat", workspace.owner, "once", {"seat": seat})

    assert reply.code == "CONFLICT"
    assert await evidence(workspace) == before


async def test_a_refusal_does_not_burn_the_key(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    seat = await workspace.seat(pool, workspace.owner)
    asked = {"pool": pool, "email": "ada@example.test", "idempotencyKey": "once"}

    refused = await said(workspace, "assignSeat", **asked)
    await said(workspace, "releaseSeat", seat=seat)
    granted = await said(workspace, "assignSeat", **asked)

    assert refused["__typename"] == "PoolExhausted"
    assert granted["state"] == "INVITED"


async def test_a_mistake_does_not_burn_the_key(workspace: Scene) -> None:
    pool = await workspace.pool(1)

    mistaken = await told(workspace, "assignSeat", pool=pool, email="ada", idempotencyKey="once")
    granted = await said(workspace, "assignSeat", pool=pool, email="ada@example.test", idempotencyKey="once")

    assert mistaken.code == "INVALID_INPUT"
    assert granted["state"] == "INVITED"


async def test_everybody_has_keys_of_their_own(workspace: Scene) -> None:
    pool = await workspace.pool(9)
    key, other = await workspace.key(KeyScope.SEATS_WRITE), await workspace.key(KeyScope.SEATS_WRITE)
    people: list[Asker] = [
        workspace.owner,
        workspace.members[Role.ADMIN],
        workspace.members[Role.SEAT_ADMIN],
        key,
        other,
    ]

    seats = [
        await said(workspace, "assignSeat", who, pool=pool, email=f"p{number}@example.test", idempotencyKey="once")
        for number, who in enumerate(people)
    ]

    assert [seat["email"] for seat in seats] == [f"p{number}@example.test" for number in range(len(people))]


async def test_a_key_belongs_to_the_person_over_all_their_sessions(workspace: Scene) -> None:
    pool, owner = await workspace.pool(9), workspace.owner
    world, session = workspace.world, workspace.world.number()
    await world.run(
        "insert into session (id, person_id, issuer, created_at, expires_at)"
        " select $2, person_id, issuer, created_at, expires_at from session where id = $1",
        owner.session_number,
        session,
    )
    elsewhere = world.bearer(owner.number, session, await world.now())

    first = await said(workspace, "assignSeat", owner, pool=pool, email="ada@example.test", idempotencyKey="once")
    again = await said(workspace, "assignSeat", elsewhere, pool=pool, email="ada@example.test", idempotencyKey="once")

    assert again == first


# What is kept


async def test_a_secret_that_is_shown_once_is_shown_again_to_whoever_lost_the_answer(workspace: Scene) -> None:
    input_ = {"account": workspace.account, "name": "CI", "scopes": ["SEATS_READ"]}
    first = await send(workspace, "createServiceKey", workspace.owner, "once", input_)

    again = await send(workspace, "createServiceKey", workspace.owner, "once", input_)

    text = again.data["createServiceKey"]["text"]
    assert again == first
    assert (await workspace.world.ask("{ viewer { kind } }", text)).data == {"viewer": {"kind": "service_key"}}


async def test_what_is_kept_holds_no_secret_in_clear(workspace: Scene) -> None:
    input_ = {"account": workspace.account, "name": "CI", "scopes": ["SEATS_READ"]}
    reply = await send(workspace, "createServiceKey", workspace.owner, "once", input_)
    text = reply.data["createServiceKey"]["text"]

    rows = await workspace.world.rows("select to_jsonb(k)::text as row from idempotency_key k where key = 'once'")
    everywhere = await evidence_of_everything(workspace)

    secret = text.rpartition("_")[2]
    assert len(secret) > 16
    assert rows
    assert not any(secret in row["row"] or text in row["row"] for row in rows)
    assert secret not in everywhere


async def evidence_of_everything(scene: Scene) -> str:
    """Every row that the database holds, as text."""
    world = scene.world
    tables = await world.rows("select table_name as name from information_schema.tables where table_schema = 'public'")
    return "".join(
        [await world.value(f"select coalesce(string_agg(t::text, '|'), '') from {table['name']} t") for table in tables]
    )


async def test_a_repeated_answer_shows_the_thing_as_it_is_now(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    asked = {"pool": pool, "email": "ada@example.test", "idempotencyKey": "once"}
    first = await said(workspace, "assignSeat", **asked)
    await said(workspace, "releaseSeat", seat=first["id"])

    again = await said(workspace, "assignSeat", **asked)

    assert (again["id"], again["state"]) == (first["id"], "RELEASED")


async def test_a_repeated_answer_shows_nothing_that_one_may_not_see_any_more(workspace: Scene) -> None:
    admin = await workspace.join(Role.SEAT_ADMIN)
    asked = {"pool": await workspace.pool(1), "email": "ada@example.test", "idempotencyKey": "once"}
    await said(workspace, "assignSeat", admin, **asked)
    await said(workspace, "removeMember", member=workspace.member(admin))

    again = await told(workspace, "assignSeat", admin, **asked)

    assert again.code == "NOT_FOUND"


async def test_a_key_is_forgotten_after_thirty_days(fresh_database_url: str) -> None:
    async with opened(fresh_database_url) as world:
        workspace = await world.workspace()
        await said(workspace, "assignSeat", pool=await workspace.pool(3), email="ada@example.test", idempotencyKey="it")
        mine = "select count(*) from idempotency_key where actor = $1"

        await work_off(world, later=29 * DAY)
        early = await world.value(mine, f"person:{workspace.owner.number}")
        await work_off(world, later=100 * DAY)

        assert early == 1
        assert await world.value(mine, f"person:{workspace.owner.number}") == 0


# What is no key

NONSENSE = ["", "a" * 201, "a\x00", "a\nb", "\u202eabc", "\x7f"]


@pytest.mark.parametrize("key", NONSENSE)
async def test_nonsense_is_no_key(workspace: Scene, key: str) -> None:
    pool = await workspace.pool(1)
    before = await evidence(workspace)

    reply = await told(workspace, "assignSeat", pool=pool, email="ada@example.test", idempotencyKey=key)

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


@pytest.mark.parametrize(
    "key", ["a", "a" * 200, "Schlüssel № 1", "' or true --", "0190c2a2-8a5b-7c3e-9f1d-2b6e4a7d8c90"]
)
async def test_any_printable_text_is_a_key(workspace: Scene, key: str) -> None:
    asked = {"pool": await workspace.pool(1), "email": "ada@example.test", "idempotencyKey": key}

    answers = [await said(workspace, "assignSeat", **asked) for _ in range(2)]

    assert answers[0]["state"] == "INVITED"
    assert answers[0] == answers[1]


async def test_no_key_is_no_promise(workspace: Scene) -> None:
    asked = {"pool": await workspace.pool(3), "email": "ada@example.test", "idempotencyKey": None}

    answers = [await said(workspace, "assignSeat", **asked) for _ in range(2)]

    assert [answer["__typename"] for answer in answers] == ["Seat", "AlreadySeated"]


async def test_nobody_has_no_keys(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    before = await evidence(workspace)

    reply = await workspace.world.change("assignSeat", None, pool=pool, email="a@b.test", idempotencyKey="once")

    assert reply.code == "UNAUTHENTICATED"
    assert await evidence(workspace) == before
