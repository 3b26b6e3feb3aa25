"""Open invoices of Stripe Billing that come over: the same document, collected here, and closed there, once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from billing import credit_notes, explaining, invoices, papers, paying, reconciling
from billing.credit_notes import Wish
from billing.crediting import CreditTooHigh
from billing.states import CreditDestination
from gateway import import_report, rails
from gateway.import_invoices import Carried, Taking
from gateway.importing import Outcome
from kernel import database, ids
from kernel.clock import SimulatedClock
from kernel.id_blocks import IdBlocks
from kernel.money import Money
from kernel.work import Work
from payments import hearing
from payments.attempts import Presence
from payments.rail.opening import Rail
from payments.rail.values import VERSION
from payments.states import PaymentSource
from payments.tables import Payment
from payments.webhooks import Told
from tests.gateway.test_importing import DAY, Installation, here, stays, subscriptions
from tests.gateway.test_importing_lives import MINUTE, account_of, at_stripe, do, subscription_of

__all__ = ["here"]

SPAN = {"start": 1_790_000_000, "end": 1_792_592_000}


def line(amount: int, **more: Any) -> dict[str, Any]:
    """A line as Stripe prints it, of dollars unless another currency is told."""
    facts = {"id": "il_1", "object": "line_item", "amount": amount, "subtotal": amount, "currency": "usd"}
    empty = {"discounts": [], "discount_amounts": [], "taxes": [], "metadata": {}, "quantity": 1, "discountable": True}
    return {**facts, **empty, "description": "Something", "period": SPAN, "livemode": False, **more}


def tax(amount: int, *, inclusive: bool = False, rate: str = "txr_de") -> dict[str, Any]:
    of = {"tax_rate_details": {"tax_rate": rate}, "type": "tax_rate_details", "taxability_reason": "standard_rated"}
    return {"amount": amount, "taxable_amount": 1, "tax_behavior": "inclusive" if inclusive else "exclusive", **of}


def invoice(name: str, lines: list[dict[str, Any]], total: int, **more: Any) -> dict[str, Any]:
    """An open invoice of its own, of the customer who pays with a card, unless something else is told."""
    facts = {"customer": "cus_pro", "status": "open", "number": f"PRO-{name}", "auto_advance": True}
    amounts = {"total": total, "subtotal": total, "amount_due": total, "amount_remaining": total, "amount_paid": 0}
    spans = {"period_start": SPAN["start"], "period_end": SPAN["start"], "created": SPAN["start"]}
    currency = lines[0]["currency"] if lines else "usd"
    return {"id": f"in_{name}", "lines": lines, "currency": currency, **facts, **amounts, **spans, **more}


async def owing(here: Installation, *invoices: dict[str, Any]) -> None:
    """The scene, with further open invoices."""
    await here.control("seed/scene")
    await here.control("seed", {"invoices": list(invoices)})


def told_of(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """What is told of each open invoice, by its number."""
    document = import_report.document(outcome)
    return {each["number"]: each for customer in document["customers"] for each in customer["open_invoices"]}


async def copy_of(here: Installation, name: str) -> dict[str, Any]:
    """An invoice that came over, as it is here."""
    (row,) = await here.rows(
        "select v.*, r.settled_minor, r.wanted, r.closed_at, r.told, r.next_at from invoice v"
        " join rail_invoice r on r.account_id = v.account_id and r.id = v.id where r.rail_id = $1",
        name,
    )
    return row


async def there(here: Installation, name: str) -> dict[str, Any]:
    """An invoice as it is at Stripe."""
    (row,) = await here.rows(
        "select body ->> 'status' as status, body ->> 'auto_advance' as collects,"
        " (body ->> 'amount_paid_off_stripe')::bigint as elsewhere from sandbox.object where id = $1",
        name,
    )
    return row


async def charged(here: Installation, customer: str) -> list[int]:
    """What was taken from a customer through the rail, by whomever."""
    rows = await here.rows(
        "select (body ->> 'amount')::bigint as amount from sandbox.object"
        " where kind = 'charge' and body ->> 'customer' = $1 and body ->> 'status' = 'succeeded' order by seq",
        customer,
    )
    return [row["amount"] for row in rows]


async def balances(here: Installation, name: str) -> dict[str, int]:
    """What the books of the account of an invoice say, in ledger accounts that are not zero."""
    rows = await here.rows(
        "with moved as (select debit as account, amount_minor as minor from ledger_transfer where account_id = $1"
        " union all select credit, -amount_minor from ledger_transfer where account_id = $1)"
        " select account, sum(minor)::bigint as minor from moved group by account having sum(minor) <> 0",
        (await copy_of(here, name))["account_id"],
    )
    return {row["account"]: row["minor"] for row in rows}


async def wired(work: Work, account_id: int, invoice_id: int) -> Payment:
    """Write down that an invoice was paid to our bank account."""
    wire = PaymentSource.BANK_TRANSFER
    presence, numbers = Presence(), [invoice_id]
    return await paying.record(
        work, account_id, numbers, amount_minor=None, source=wire, reference="A wire", presence=presence
    )


@asynccontextmanager
async def worked(here: Installation) -> AsyncIterator[Rail]:
    """The rail, while the worker has done everything that is due."""
    async with rails.rail(here.settings, here.url) as line:
        assert line
        await here.work(line=line)
        yield line


@asynccontextmanager
async def owned(engine: AsyncEngine, now: datetime) -> AsyncIterator[Work]:
    work = Work(engine, now, ids=IdBlocks(), sees={"staff": "on"})
    try:
        yield work
    finally:
        await work.close()


async def test_an_open_invoice_comes_over_as_the_same_document(here: Installation) -> None:
    await here.control("seed/scene")

    outcome = await here.imported(end_there=True)

    copy, at = await copy_of(here, "in_team"), await there(here, "in_team")
    lines = await here.rows(
        "select description, quantity, amount_minor, tax_minor, tax_percent, tax_inclusive, formula"
        " from line_item where invoice_id = $1",
        copy["id"],
    )
    assert (copy["number"], copy["state"], copy["kind"], copy["collection"]) == (
        *("TEAM-0001", "open"),
        *("imported", "send_invoice"),
    )
    assert (copy["subtotal_minor"], copy["tax_minor"], copy["total_minor"]) == (480_00, 91_20, 571_20)
    assert copy["due_at"] - copy["issued_at"] == timedelta(days=30)
    assert copy["subscription_id"] == await subscription_of(here, "sub_team")
    assert json.loads(copy["billed_to"])["address"] == {"lines": ["Torstraße 1", "10119 Berlin"]}
    assert lines == [
        {
            "description": "Team, by the month",
            "quantity": 12,
            "amount_minor": 48000,
            "tax_minor": 9120,
            "tax_percent": "19",
            "tax_inclusive": False,
            "formula": "12 \u00d7 40.00 EUR",
        }
    ]
    assert told_of(outcome)["TEAM-0001"]["ours"] == ids.encode("inv", copy["id"])
    assert (at["status"], at["collects"]) == ("open", "false")
    assert await balances(here, "in_team") == {"receivable": 571_20, "customer_credit": -15_00, "opening": -556_20}
    await here.assert_sound()


async def test_what_came_over_explains_itself_and_is_printed_as_it_was(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported(end_there=True)
    copy = await copy_of(here, "in_team")

    told = await do(here, "cus_team", lambda work, account: explaining.explain(work, account, copy["id"]))
    sheet = await do(here, "cus_team", lambda work, account: papers.invoice(work, account.id, copy["id"]))

    assert told.agrees
    assert [fact.says for each in told.lines for fact in each.facts] == ["issued at Stripe as in_team, and copied"]
    assert sheet.name == "TEAM-0001"
    assert sheet.buyer.lines[:2] == ["Torstraße 1", "10119 Berlin"]


async def test_an_invoice_comes_over_only_when_things_are_to_end_there(here: Installation) -> None:
    await here.control("seed/scene")

    dry = await here.run(dry=True)
    told = [each for each in import_report.sentences(dry) if "TEAM-0001" in each or "invoices" in each]
    await here.run()
    before = await here.value("select count(*) from invoice where kind = 'imported'"), await there(here, "in_team")
    await here.run(end_there=True)
    after = await here.value("select count(*) from invoice where kind = 'imported'")

    assert told[0] == "  Invoice TEAM-0001, on which 571.20 EUR is owed, comes over with --end-there."
    assert "With --end-there, 2 open invoices would come over." in told
    assert (before[0], before[1]["collects"], after) == (0, "true", 2)
    await here.assert_sound()


async def test_importing_again_takes_nothing_over_twice(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported(end_there=True)
    await here.work()
    before = await here.counts()

    again = await here.run(end_there=True)

    assert again.whole
    assert await here.counts() == before
    assert [each["is_new"] for each in told_of(again).values()] == [False, False]


async def test_a_subscription_with_an_unpaid_invoice_comes_over_and_is_past_due(here: Installation) -> None:
    await here.control("seed/scene")

    outcome = await here.imported(end_there=True)
    async with worked(here):
        pass

    copy = await copy_of(here, "in_states")
    number = await subscription_of(here, "sub_past_due")
    (followed,) = await here.rows("select state, course, subscriptions from invoice_dunning where id = $1", copy["id"])
    assert "sub_past_due" not in stays(outcome)
    assert subscriptions(outcome)["sub_past_due"]["ends_there"]
    assert copy["subscription_id"] == number
    assert followed == {"state": "running", "course": "ask", "subscriptions": [number]}
    await here.assert_sound()


REFUSED = {
    "sums": (invoice("sums", [line(900)], 1000), "Its lines come to 9.00 USD, and it asks for 10.00 USD"),
    "currency": (invoice("currency", [line(900, currency="xxq")], 900), "It is in XXQ, which is no currency here"),
    "zero": (invoice("zero", [line(900)], 900, amount_remaining=0), "Nothing remains to be paid on it"),
    "credited": (
        invoice("credited", [line(900)], 900, amount_remaining=800, pre_payment_credit_notes_amount=100),
        "A credit note took 1.00 USD off it",
    ),
    "balance": (
        invoice("balance", [line(900)], 900, amount_remaining=1000, starting_balance=100),
        "It asks for 1.00 USD of the customer's balance, too",
    ),
    "shipping": (invoice("shipping", [line(900)], 1000, amount_shipping=100), "It bills shipping"),
    "mixed": (
        invoice("mixed", [line(1190, taxes=[tax(190, inclusive=True), tax(10)])], 1200),
        "one tax in its price and another on top",
    ),
    "rate": (invoice("rate", [line(1000, taxes=[tax(190, rate="txr_gone")])], 1190), "doesn't tell the rate of a tax"),
    "ours": (invoice("ours", [line(900)], 900, number="SG-2031-000001"), "Its number could be one of ours"),
    "none": (invoice("none", [], 900), "Its lines come to 0.00 USD"),
}


async def test_an_invoice_that_cannot_be_copied_stays_and_says_why(here: Installation) -> None:
    await owing(here, *(each for each, _ in REFUSED.values()))

    await here.imported(end_there=True)
    outcome = await here.run(end_there=True)

    told = told_of(outcome)
    for name, (body, why) in REFUSED.items():
        assert why in told[body["number"]]["why"], name
        assert told[body["number"]]["why"].endswith(".")
        assert await there(here, body["id"]) == {"status": "open", "collects": "true", "elsewhere": None}
    assert await here.value("select count(*) from invoice where number like 'PRO-%'") == 0
    assert all(import_report.sentences(outcome))
    await here.assert_sound()


async def test_a_subscription_stays_whose_unpaid_invoice_has_to_stay(here: Installation) -> None:
    await here.control("seed/scene")
    details: dict[str, Any] = {"metadata": {}, "subscription": "sub_past_due", "subscription_proration_date": None}
    parent = {"type": "subscription_details", "subscription_details": details, "quote_details": None}
    await here.control("seed", {"invoices": [invoice("odd", [line(1)], 2, customer="cus_states", parent=parent)]})

    outcome = await here.imported(end_there=True)

    assert stays(outcome)["sub_past_due"].startswith("Its unpaid invoice PRO-odd can't come over: Its lines come to")
    assert told_of(outcome)["STATES-0001"]["why"] == "Its subscription stays, too."
    assert (await there(here, "in_states"))["collects"] == "true"


async def test_an_invoice_whose_payment_is_on_its_way_stays_until_that_is_through(here: Installation) -> None:
    await owing(here, invoice("debit", [line(900, currency="eur")], 900))
    method = {"id": "pm_debit", "customer": "cus_pro", "type": "sepa_debit", "last4": "3000"}
    await here.control("payment_methods", method)
    await at_stripe(here, "invoices/in_debit/pay", payment_method="pm_debit")

    outcome = await here.imported(end_there=True)

    assert "A payment of it is on its way at Stripe" in told_of(outcome)["PRO-debit"]["why"]
    assert (await there(here, "in_debit"))["collects"] == "true"
    assert await here.value("select count(*) from invoice where number = 'PRO-debit'") == 0
    await here.assert_sound()


SHAPES = {
    "exclusive": (invoice("a", [line(1000, taxes=[tax(190)])], 1190), (1000, 190, 1190)),
    "inclusive": (invoice("a", [line(1190, taxes=[tax(190, inclusive=True)])], 1190), (1000, 190, 1190)),
    # Stripe rounds as it does; what it prints is what counts.
    "odd tax": (invoice("a", [line(1000, taxes=[tax(187)])], 1187), (1000, 187, 1187)),
    "discount": (
        invoice("a", [line(1000, discount_amounts=[{"amount": 250, "discount": "di_friends"}])], 750),
        (750, 0, 750),
    ),
    "proration": (invoice("a", [line(3252), line(-166, id="il_2")], 3086), (3086, 0, 3086)),
    "two taxes": (invoice("a", [line(1000, taxes=[tax(190), tax(70)])], 1260), (1000, 260, 1260)),
    "yen": (invoice("a", [line(500, currency="jpy")], 500), (500, 0, 500)),
    "in part": (invoice("a", [line(1000)], 1000, amount_remaining=600, amount_paid=400), (1000, 0, 1000)),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_amounts_are_copied_and_never_computed(here: Installation, shape: str) -> None:
    body, amounts = SHAPES[shape]
    await owing(here, body)
    await here.imported(end_there=True)

    copy = await copy_of(here, "in_a")

    told = await do(here, "cus_pro", lambda work, account: explaining.explain(work, account, copy["id"]))
    left = body["amount_remaining"]
    assert (copy["subtotal_minor"], copy["tax_minor"], copy["total_minor"]) == amounts
    assert (copy["paid_minor"], copy["settled_minor"]) == (amounts[2] - left, amounts[2] - left)
    assert await balances(here, "in_a") == {"receivable": left, "opening": -left}
    assert told.agrees
    await here.assert_sound()


async def test_what_remains_is_charged_here_once_and_closed_there(here: Installation) -> None:
    await owing(here, invoice("a", [line(1000)], 1000, amount_remaining=600, amount_paid=400))
    await here.imported(end_there=True)

    async with worked(here):
        pass

    copy, at = await copy_of(here, "in_a"), await there(here, "in_a")
    assert await charged(here, "cus_pro") == [600]
    assert (copy["state"], copy["paid_minor"], copy["settled_minor"]) == ("paid", 1000, 400)
    assert (copy["wanted"], copy["closed_at"] is None, copy["next_at"]) == ("paid", False, None)
    assert at == {"status": "paid", "collects": "false", "elsewhere": 600}
    assert (await balances(here, "in_a"))["opening"] == -600
    await here.assert_sound()


async def test_what_is_paid_past_the_rail_voided_or_given_up_becomes_that_there_too(here: Installation) -> None:
    bodies = [invoice(name, [line(1000)], 1000, collection_method="send_invoice") for name in ("a", "b", "c", "d")]
    await owing(here, *bodies)
    await here.imported(end_there=True)
    ours = {name: (await copy_of(here, f"in_{name}"))["id"] for name in "abcd"}
    whole = Wish(CreditDestination.RECEIVABLE)

    await do(here, "cus_pro", lambda work, account: wired(work, account.id, ours["a"]))
    await do(here, "cus_pro", lambda work, account: invoices.void(work, account, ours["b"]))
    await do(here, "cus_pro", lambda work, account: invoices.abandon(work, account, ours["c"]))
    await do(here, "cus_pro", lambda work, account: credit_notes.issue(work, account, ours["d"], whole, "Sorry"))
    async with worked(here):
        pass

    told = {name: (await copy_of(here, f"in_{name}"))["state"] for name in "abcd"}
    at = {name: (await there(here, f"in_{name}"))["status"] for name in "abcd"}
    assert told == {"a": "paid", "b": "void", "c": "uncollectible", "d": "paid"}
    assert at == told
    assert await balances(here, "in_a") == {"bank": 1000, "bad_debt": 1000, "opening": -2000}
    assert await charged(here, "cus_pro") == []
    await here.assert_sound()


async def test_what_was_settled_at_stripe_is_not_refunded_here(here: Installation) -> None:
    sent = {"collection_method": "send_invoice", "amount_remaining": 600, "amount_paid": 400}
    await owing(here, invoice("a", [line(1000)], 1000, **sent))
    await here.imported(end_there=True)
    number = (await copy_of(here, "in_a"))["id"]
    refund, credit = Wish(CreditDestination.REFUNDS), Wish(CreditDestination.CUSTOMER_CREDIT)

    with pytest.raises(CreditTooHigh, match="USD of this invoice was paid"):
        await do(here, "cus_pro", lambda work, account: credit_notes.issue(work, account, number, refund, "No"))
    await do(here, "cus_pro", lambda work, account: credit_notes.issue(work, account, number, credit, "Sorry"))

    assert await balances(here, "in_a") == {"customer_credit": -400, "opening": 400}
    await here.assert_sound()


async def test_an_invoice_that_was_paid_between_two_looks_is_not_taken_over(here: Installation) -> None:
    await owing(here, invoice("a", [line(1000)], 1000))
    await here.imported()
    before = await here.counts()
    now, engine = await SimulatedClock(here.owner).now(), database.engine(here.url, role=None)

    async with rails.rail(here.settings, here.url) as rail:
        assert rail
        seen = Carried(await rail.invoices.whole("in_a"))
        method = await here.value("select rail_id from payment_method m join account a on a.id = m.account_id"
                                  " where a.name = 'Grace Hopper'")  # fmt: skip
        await at_stripe(here, "invoices/in_a/pay", payment_method=method)
        await Taking(rail, now, lambda: owned(engine, now)).take(await account_of(here, "cus_pro"), seen)
    await engine.dispose()

    assert (seen.ours, seen.why) == (None, "It is paid at Stripe by now.")
    assert await here.counts() == before
    await here.assert_sound()


async def test_an_import_that_was_killed_after_it_turned_collection_off_goes_on(here: Installation) -> None:
    await owing(here, invoice("a", [line(1000)], 1000))
    await here.imported()
    async with rails.rail(here.settings, here.url) as rail:
        assert rail
        await rail.invoices.hold_off("in_a", rail.installation, key="before it was killed")

    outcome = await here.run(end_there=True)

    assert told_of(outcome)["PRO-a"]["is_new"]
    assert (await copy_of(here, "in_a"))["state"] == "open"
    await here.assert_sound()


async def test_what_another_installation_collects_is_left_to_it(here: Installation) -> None:
    await owing(here, invoice("a", [line(1000)], 1000, metadata={"gw_installation": "another"}))

    outcome = await here.imported(end_there=True)

    assert told_of(outcome)["PRO-a"]["why"] == "Another installation collects it."
    assert (await there(here, "in_a"))["collects"] == "true"


async def test_what_its_customer_pays_at_stripe_after_it_came_over_is_not_asked_for_again(here: Installation) -> None:
    await owing(here, invoice("a", [line(1000)], 1000, collection_method="send_invoice"))
    await here.imported(end_there=True)
    async with worked(here) as line_:
        method = (await line_.billing.methods("cus_pro"))[0].id
        await at_stripe(here, "invoices/in_a/pay", payment_method=method)

        await here.work(await SimulatedClock(here.owner).now() + timedelta(hours=2), line_)

    copy = await copy_of(here, "in_a")
    assert (copy["state"], copy["paid_minor"], copy["settled_minor"]) == ("paid", 1000, 1000)
    assert (copy["wanted"], copy["next_at"], copy["told"]) == ("paid", None, None)
    assert await balances(here, "in_a") == {}
    assert await charged(here, "cus_pro") == [1000]
    await here.assert_sound()


async def test_what_is_paid_here_and_there_becomes_credit(here: Installation) -> None:
    await owing(here, invoice("a", [line(1000)], 1000, collection_method="send_invoice"))
    await here.imported(end_there=True)
    number = (await copy_of(here, "in_a"))["id"]
    async with worked(here) as line_:
        method = (await line_.billing.methods("cus_pro"))[0].id
        await do(here, "cus_pro", lambda work, account: wired(work, account.id, number))
        await here.work()  # without the rail: it is paid here, and nobody has said so there
        await at_stripe(here, "invoices/in_a/pay", payment_method=method)

        await here.work(await SimulatedClock(here.owner).now() + MINUTE, line_)

    copy = await copy_of(here, "in_a")
    assert (copy["state"], copy["paid_minor"], copy["settled_minor"]) == ("paid", 1000, 0)
    assert await balances(here, "in_a") == {"bank": 1000, "customer_credit": -1000}
    await here.assert_sound()


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "error_after", "bad_gateway", "lock_timeout"])
async def test_closing_there_goes_on_after_any_mishap(here: Installation, fault: str) -> None:
    await owing(here, invoice("a", [line(1000)], 1000))
    await here.imported(end_there=True)
    await here.control("faults", {"operation": "invoices.pay", "fault": fault, "times": 3})

    async with worked(here) as line_:
        for _ in range(4):
            await here.work(await SimulatedClock(here.owner).now() + timedelta(hours=1), line_)

    assert await charged(here, "cus_pro") == [1000]
    assert (await there(here, "in_a"))["status"] == "paid"
    assert (await copy_of(here, "in_a"))["closed_at"] is not None
    await here.assert_sound()


async def test_the_revenue_of_what_came_over_is_not_earned_again(here: Installation) -> None:
    await owing(here, invoice("a", [line(1000, collection_method="send_invoice")], 1000))
    await here.imported(end_there=True)

    await here.work(await SimulatedClock(here.owner).now() + 3 * DAY)

    told = await here.value(
        "select count(*) from ledger_transfer where account_id = $1 and (debit in ('revenue', 'deferred_revenue')"
        " or credit in ('revenue', 'deferred_revenue'))",
        await account_of(here, "cus_pro"),
    )
    assert told == 0
    await here.assert_sound()


async def test_a_customer_who_only_owes_becomes_an_account(here: Installation) -> None:
    await here.control("seed/scene")
    known = {"id": "cus_owes", "name": "Only Owes", "email": "owes@customers.example"}
    owed = invoice("a", [line(1000)], 1000, customer="cus_owes")
    await here.control("seed", {"customers": [known], "invoices": [owed]})

    await here.imported()
    before = await here.value("select count(*) from account where name = 'Only Owes'")
    await here.run(end_there=True)

    copy = await copy_of(here, "in_a")
    assert before == 0
    assert await here.value("select name from account where id = $1", copy["account_id"]) == "Only Owes"
    assert Money(copy["total_minor"], copy["currency"]).text == "10.00 USD"
    await here.assert_sound()


async def test_an_invoice_that_cannot_come_over_after_all_is_collected_there_again(here: Installation) -> None:
    await owing(here, invoice("a", [line(900, currency="eur")], 900))
    await here.imported()
    method = {"id": "pm_debit", "customer": "cus_pro", "type": "sepa_debit", "last4": "3000"}
    await here.control("payment_methods", method)
    now, engine = await SimulatedClock(here.owner).now(), database.engine(here.url, role=None)

    async with rails.rail(here.settings, here.url) as rail:
        assert rail
        seen = Carried(await rail.invoices.whole("in_a"))
        await at_stripe(here, "invoices/in_a/pay", payment_method="pm_debit")
        await Taking(rail, now, lambda: owned(engine, now)).take(await account_of(here, "cus_pro"), seen)
    await engine.dispose()

    assert seen.why.startswith("A payment of it is on its way at Stripe")
    assert (await there(here, "in_a"))["collects"] == "true"
    assert await here.value("select count(*) from rail_invoice") == 0


async def test_what_was_paid_at_stripe_is_heard_of_at_once_and_is_no_discrepancy(here: Installation) -> None:
    await owing(
        here, invoice("a", [line(1000)], 1000, collection_method="send_invoice"), invoice("b", [line(700)], 700)
    )
    await here.imported(end_there=True)
    async with worked(here) as line_:
        method = (await line_.billing.methods("cus_pro"))[0].id
        await at_stripe(here, "invoices/in_a/pay", payment_method=method)
        now, engine = await SimulatedClock(here.owner).now(), database.engine(here.url)
        async with owned(engine, now) as work, work.transaction():
            body = {"data": {"object": {"id": "in_a", "object": "invoice"}}}
            await hearing.store(work, Told("evt_paid", "invoice.paid", now, VERSION, live=False, body=body))

        await here.work(line=line_)
        heard = (await copy_of(here, "in_a"))["state"]
        # What Stripe's balance says of a charge comes seconds after it, by the sandbox's own clock.
        await here.control("clock", {"advance": 60})
        await here.work(now + timedelta(minutes=5), line_)
        await reconciled(engine, await SimulatedClock(here.owner).now(), line_)
        await engine.dispose()

    assert heard == "paid"
    assert await charged(here, "cus_pro") == [700, 1000]
    assert await here.rows("select kind, subject, here, there from discrepancy") == []
    owners = await here.rows("select owner from balance_movement where kind = 'charge' order by amount_minor")
    assert owners == [{"owner": "ours"}, {"owner": "other"}]
    await here.assert_sound()


async def reconciled(engine: AsyncEngine, now: datetime, line_: Rail) -> None:
    """Compare everything with the rail, piece by piece."""
    async with owned(engine, now) as work:
        run = await reconciling.begin(work, nightly=False, since=now - DAY, until=now)
        while await reconciling.step(work, line_, run.id):
            pass
