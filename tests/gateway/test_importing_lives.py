"""What becomes of subscriptions after an import: ended there, changed, paid, and imported once, whoever is killed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth import queries as people
from auth.tables import Account
from billing import explaining, subscriptions
from billing.subscriptions import CancelAt
from gateway import catalog, import_report, rails
from gateway.importing import Outcome
from kernel import database, ids
from kernel.clock import SimulatedClock
from kernel.errors import InvalidInput
from kernel.id_blocks import IdBlocks
from kernel.time import Anchor, Interval
from kernel.work import Work
from seats import buying
from tests.gateway.running import ROOT, environment, run
from tests.gateway.test_importing import Installation, here, stays
from tests.gateway.test_importing import subscriptions as told_of

__all__ = ["here"]

MINUTE = timedelta(minutes=1)
SECRETS = {"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "s" * 32}


async def account_of(there: Installation, customer: str) -> int:
    number: int = await there.value("select account_id from rail_customer where rail_id = $1", customer)
    return number


async def subscription_of(there: Installation, name: str) -> int:
    number: int = await there.value("select ours from imported_object where rail_id = $1", name)
    return number


async def do(there: Installation, customer: str, act: Callable[[Work, Account], Awaitable[Any]]) -> Any:
    """Do one thing to the account that a customer has become."""
    account_id, engine = await account_of(there, customer), database.engine(there.url)
    work = Work(engine, await SimulatedClock(there.owner).now(), ids=IdBlocks(), sees={"staff": "on"})
    try:
        async with work.transaction():
            await work.bind(account_id)
            return await act(work, await people.account(work, account_id))
    finally:
        await work.close()
        await engine.dispose()


async def at_stripe(there: Installation, path: str, **form: str) -> None:
    """Change something through Stripe's API, as somebody does in its dashboard."""
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.post(
            f"{there.stripe}/v1/{path}", data=form, headers={"authorization": "Bearer sk_test_ours"}
        )
    assert answer.status_code == 200, answer.text


async def held(there: Installation, name: str) -> str | None:
    number = await subscription_of(there, name)
    why: str | None = await there.value("select held from subscription_clock where subscription_id = $1", number)
    return why


def only(outcome: Outcome, name: str) -> Any:
    return told_of(outcome)[name]


async def test_what_somebody_ended_there_by_hand_is_billed_here_after_the_next_import(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported()
    before = await held(here, "sub_cheaper"), await held(here, "sub_taxed")

    await at_stripe(here, "subscriptions/sub_cheaper", cancel_at_period_end="true")
    outcome = await here.run()

    assert [why is not None for why in before] == [True, True]
    assert (await held(here, "sub_cheaper"), await held(here, "sub_taxed") is None) == (None, False)
    assert only(outcome, "sub_cheaper")["ends_there"]
    assert (
        await here.value("select cancel_at from subscription where id = $1", await subscription_of(here, "sub_cheaper"))
        is None
    )
    await here.assert_sound()


async def test_nothing_is_ended_at_stripe_unless_it_is_asked_for(here: Installation) -> None:
    await here.control("seed/scene")

    await here.imported()
    left = await here.rows(
        "select body ->> 'id' as id from sandbox.object where kind = 'subscription'"
        " and (body ->> 'cancel_at_period_end')::boolean"
    )
    await here.run(end_there=True)
    ended = await here.rows(
        "select body #>> '{metadata,gw_subscription}' as ours from sandbox.object"
        " where kind = 'subscription' and (body ->> 'cancel_at_period_end')::boolean"
        " and id <> 'sub_ending'"
    )

    assert left == [{"id": "sub_ending"}]
    assert {ids.decode("sub", row["ours"]) for row in ended} == {
        row["id"] for row in await here.rows("select id from subscription where cancel_at is null")
    }


async def renewed_there(there: Installation, name: str, since: datetime) -> datetime:
    """Let Stripe begin another period of a subscription, with which its trial is over; when that ends."""
    body = json.loads(await there.value("select body from sandbox.object where id = $1", name))
    end = Anchor.at(since).boundary(1, Interval.MONTH)
    item = body["items"]["data"][0]
    item |= {"current_period_start": int(since.timestamp()), "current_period_end": int(end.timestamp())}
    await there.control("seed", {"subscriptions": [body | {"items": [item], "status": "active"}]})
    return end


@pytest.mark.parametrize(("name", "minor"), [("taxed", 23_80), ("trial", 20_00)])
async def test_a_period_that_stripe_began_meanwhile_is_paid_there_too(
    here: Installation, name: str, minor: int
) -> None:
    await here.control("seed/scene")
    first = datetime.fromisoformat(only(await here.imported(), f"sub_{name}")["paid_until"])
    await here.work(first + timedelta(days=3))
    second = await renewed_there(here, f"sub_{name}", first)

    await here.run(end_there=True)
    state = await here.value("select state from subscription where id = $1", await subscription_of(here, f"sub_{name}"))
    await here.work(second + MINUTE)

    billed = await here.rows(
        "select total_minor, period_start from invoice where account_id = $1 and period_start >= $2"
        " order by period_start",
        await account_of(here, f"cus_{name}"),
        first,
    )
    assert state == "active"
    assert billed == [{"total_minor": 0, "period_start": first}, {"total_minor": minor, "period_start": second}]
    await here.assert_sound()


async def test_what_waits_for_stripe_is_listed_by_the_billing_run(here: Installation, tmp_path: Path) -> None:
    await here.control("seed/scene")
    await here.imported()

    told = await asyncio.to_thread(run, tmp_path, "bill", "--json", DATABASE_URL=here.url, **SECRETS)

    reasons = {each["reason"] for each in json.loads(told.stdout)["held"]}
    assert reasons == {"Stripe still bills it: end it there, and import again"}


async def test_a_customer_whom_nobody_knows_is_a_mistake_of_the_file(here: Installation) -> None:
    await here.control("seed/scene")
    await here.run(dry=True)
    here.file.write_text(here.file.read_text() + '[customers.cus_typo]\nkind = "person"\n')

    with pytest.raises(InvalidInput, match="cus_typo, and Stripe knows no such customer"):
        await here.run()

    assert await here.value("select count(*) from account") == 0


async def test_seats_that_are_added_in_the_paid_span_cost_their_rest_of_it(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported(end_there=True)
    await here.work()
    account = await account_of(here, "cus_team")
    pool = await here.value("select id from license_pool where account_id = $1", account)
    (span,) = await here.rows("select period_start, period_end from subscription where account_id = $1", account)

    made = await do(here, "cus_team", lambda work, account: buying.resize(work, account, pool, 15, None))

    invoice = made.invoice
    left = (span["period_end"] - invoice.created_at) / (span["period_end"] - span["period_start"])
    assert invoice.subtotal_minor == round(3 * 40_00 * left)
    assert await here.value("select purchased from license_pool where id = $1", pool) == 15
    await here.assert_sound()


async def test_what_is_given_back_of_the_paid_span_is_a_part_of_what_was_paid_there(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported(end_there=True)
    number = await subscription_of(here, "sub_cheaper")
    (span,) = await here.rows("select period_start, period_end from subscription where id = $1", number)

    ended = await do(
        here,
        "cus_cheaper",
        lambda work, account: subscriptions.cancel(work, account.id, number, CancelAt.NOW, None, credit=True),
    )

    left = (span["period_end"] - ended.ended_at) / (span["period_end"] - span["period_start"])
    credit = await here.value(
        "select -total_minor from invoice where account_id = $1 and total_minor < 0", ended.account_id
    )
    assert credit == round(15_00 * left)
    await here.assert_sound()


async def test_the_invoice_of_the_paid_span_explains_itself(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported()
    invoice = await here.value("select id from invoice where account_id = $1", await account_of(here, "cus_team"))

    told = await do(here, "cus_team", lambda work, account: explaining.explain(work, account, invoice))

    assert told.agrees
    assert [line.recorded.minor for line in told.lines] == [480_00, -480_00]
    assert told.lines[0].facts[0].says == "billed at Stripe by sub_team"


async def test_whoever_is_known_to_the_issuer_signs_in_to_what_their_customer_became(here: Installation) -> None:
    await here.control("seed/scene")
    await here.run(dry=True)
    here.file.write_text(here.file.read_text() + '[identity]\nissuer = "https://id.example"\nmetadata = "user"\n')

    await here.run()

    (known,) = await here.rows("select i.subject, a.name from identity i join account a on a.person_id = i.person_id")
    assert known == {"subject": "grace", "name": "Grace Hopper"}
    await here.assert_sound()


async def test_a_customer_who_pays_here_already_keeps_their_account(here: Installation) -> None:
    await here.control("seed/scene")
    await here.run(dry=True)
    await here.run()
    await here.run()
    account = ids.encode("account", await account_of(here, "cus_pro"))
    text = here.file.read_text()
    here.file.write_text(f'{text}[customers.cus_trial]\naccount = "{account}"\n')
    await here.owner.execute("delete from imported_object where rail_id in ('cus_trial', 'sub_trial')")
    await here.owner.execute("update rail_customer set rail_id = null where rail_id = 'cus_trial'")
    before = await here.counts()

    outcome = await here.run()

    (failed,) = [told for told in outcome.customers if told.failure]
    assert failed.failure == "The account of cus_trial is cus_pro at Stripe already: it can't be two customers there."
    assert await here.counts() == before


async def test_who_has_the_plan_here_already_is_not_given_it_twice(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported()
    await here.owner.execute("delete from imported_object where rail_id = 'sub_cheaper'")
    before = await here.counts()

    outcome = await here.run()

    (failed,) = [told for told in outcome.customers if told.failure]
    assert failed.failure == "This account is subscribed to pro already. Change that subscription instead."
    assert not outcome.whole
    assert await here.counts() == before


async def test_two_imports_at_once_make_nothing_twice(here: Installation) -> None:
    await here.control("seed/scene", {"plain": 10})
    await here.run(dry=True)

    await asyncio.gather(here.run(), here.run())

    twice = await here.rows("select email from account where kind = 'person' group by email having count(*) > 1")
    assert twice == []
    assert await here.value("select count(*) from subscription") == 19
    await here.assert_sound()


async def test_an_import_that_is_killed_goes_on_where_it_was(here: Installation, tmp_path: Path) -> None:
    await here.control("seed/scene", {"plain": 110})
    await here.run(dry=True)
    told = {"DATABASE_URL": here.url, **SECRETS}
    arguments = ("stripe", "import", "--mapping", str(here.file))

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway", *arguments),
        cwd=ROOT,
        env=environment(tmp_path, **told),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        while await here.value("select count(*) from imported_object") < 10:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    process.kill()
    await process.wait()
    killed_at = await here.value("select count(*) from imported_object where kind = 'subscription'")
    again = await asyncio.to_thread(run, tmp_path, *arguments, "--json", **told)

    assert 0 < killed_at < 119
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["complete"]
    assert await here.value("select count(*) from imported_object where kind = 'subscription'") == 119
    assert await here.value("select count(*) from subscription") == 119
    await here.assert_sound()


async def test_a_real_import_wants_the_file_that_a_dry_run_proposes(here: Installation, tmp_path: Path) -> None:
    await here.control("seed/scene")
    told = {"DATABASE_URL": here.url, **SECRETS}
    arguments = ("stripe", "import", "--mapping", str(here.file))

    refused = await asyncio.to_thread(run, tmp_path, *arguments, **told)
    both = await asyncio.to_thread(run, tmp_path, *arguments, "--dry-run", "--end-there", **told)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.strip().endswith("run with --dry-run, which proposes one, and edit it.")
    assert both.returncode == 2
    assert await here.value("select count(*) from account") == 0


async def test_a_metered_subscription_comes_over_once_its_price_is_matched(here: Installation) -> None:
    await here.control("seed/scene")
    await here.run(dry=True)
    text = here.file.read_text().replace('"price_searches" = ""', '"price_searches" = "api/1/month-usd-searches"')
    here.file.write_text(text)

    outcome = await here.run()

    assert "sub_metered" not in stays(outcome)
    items = await here.rows(
        "select r.key, i.created_at = s.period_end as later from subscription_item i join price r on r.id = i.price_id"
        " join subscription s on s.id = i.subscription_id where s.id = $1 order by r.key",
        await subscription_of(here, "sub_metered"),
    )
    assert items == [
        {"key": "base", "later": False},
        *({"key": meter, "later": True} for meter in ("input_tokens", "output_tokens", "searches")),
    ]
    assert import_report.document(outcome)["complete"]
    await here.assert_sound()


async def test_what_is_billed_after_an_import_is_paid_by_the_method_that_came_over(here: Installation) -> None:
    await here.control("seed/scene")
    end = datetime.fromisoformat(only(await here.imported(end_there=True), "sub_coupon")["paid_until"])
    await here.work()

    async with rails.rail(here.settings, here.url) as line:
        await here.work(end + MINUTE, line)

    (paid,) = await here.rows(
        "select v.state, v.total_minor, p.state as payment, m.last4 from invoice v"
        " join payment p on p.invoice_id = v.id join payment_method m on m.id = p.payment_method_id"
        " where v.account_id = $1",
        await account_of(here, "cus_coupon"),
    )
    assert paid == {"state": "paid", "total_minor": 15_00, "payment": "succeeded", "last4": "4242"}
    await here.assert_sound()


async def test_a_subscription_of_as_many_items_as_stripe_allows_comes_over(here: Installation) -> None:
    await here.control("seed/scene")
    await further_items(here, "sub_pro", 19)
    await here.run(dry=True)
    text = here.file.read_text()
    plans = await catalog_of(here, 19)
    names = [f"price_item_{place}" for place in range(19)]
    lines = "".join(f'"{name}" = "{plan}/1/year-usd"\n' for name, plan in zip(names, plans, strict=True))
    kept = [line for line in text.splitlines() if not line.startswith('"price_item_')]
    here.file.write_text("\n".join(kept) + "\n" + lines)

    outcome = await here.run(end_there=True)

    number = await subscription_of(here, "sub_pro")
    assert outcome.whole
    assert await here.value("select count(*) from subscription_item where subscription_id = $1", number) == 20
    await here.assert_sound()


async def catalog_of(there: Installation, count: int) -> list[str]:
    """So many plans for a person, at 200.00 USD a year each."""
    wanted = catalog.read(catalog.FOLDER)
    pro = wanted.plan("pro")
    keys = [f"pro_{place}" for place in range(count)]
    plans = (*wanted.plans, *(replace(pro, key=key, position=900 + place) for place, key in enumerate(keys)))
    await catalog.apply(there.settings, there.url, replace(wanted, plans=plans))
    return keys


async def further_items(there: Installation, name: str, count: int) -> None:
    """Let a subscription have so many more items there, each of a price of its own; Stripe tells ten with it."""
    body = json.loads(await there.value("select body from sandbox.object where id = $1", name))
    first = body["items"]["data"][0]
    prices = [{**first["price"], "id": f"price_item_{place}"} for place in range(count)]
    items = [{**first, "id": f"si_{place}", "price": price} for place, price in enumerate(prices)]
    await there.control("seed", {"prices": prices, "subscriptions": [body | {"items": [first, *items]}]})
