"""Payouts: every day, itemized to the minor unit."""

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import DAY, Bench


async def test_available_money_is_paid_out_and_adds_up(bench: Bench) -> None:
    paid = [await bench.pay(amount=amount, capture_method="automatic") for amount in (2000, 3000)]
    await bench.v1.refunds.create_async({"payment_intent": paid[0]["id"], "amount": 500})

    await bench.advance(5 * DAY)

    (payout,) = (await bench.v1.payouts.list_async({"status": "paid"})).to_dict()["data"]
    shapes.check(payout)
    listed = await bench.v1.balance_transactions.list_async({"payout": payout["id"], "limit": 100})
    rows = [row.to_dict() for row in listed.data]
    for row in rows:
        shapes.check(row)
    assert sum(row["net"] for row in rows if row["type"] != "payout") == payout["amount"]
    assert sum(row["net"] for row in rows) == 0
    assert {row["type"] for row in rows} == {"charge", "refund", "payout"}
    assert [name for name in await bench.told() if name.startswith("payout.")] == [
        "payout.created",
        "payout.paid",
        "payout.reconciliation_completed",
    ]
    balance = (await bench.v1.balance.retrieve_async()).to_dict()
    assert balance["available"][0]["amount"] == 0


async def test_each_currency_is_paid_out_by_itself(bench: Bench) -> None:
    for currency in ("usd", "eur"):
        await bench.pay("pm_card_bypassPending", currency=currency, capture_method="automatic")

    payouts = await bench.control("payouts", {"arrive": True})

    assert sorted(payout["currency"] for payout in payouts) == ["eur", "usd"]
    assert {payout["status"] for payout in payouts} == {"paid"}


async def test_nothing_is_paid_out_twice(bench: Bench) -> None:
    await bench.pay("pm_card_bypassPending", capture_method="automatic")
    await bench.control("payouts", {})

    assert await bench.control("payouts", {}) == []


async def test_a_payout_may_fail_after_it_was_paid(bench: Bench) -> None:
    await bench.pay("pm_card_bypassPending", capture_method="automatic")
    (payout,) = await bench.control("payouts", {"arrive": True})

    failed = await bench.control(f"payouts/{payout['id']}/fail", {})

    shapes.check(failed)
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    balance = await bench.v1.balance.retrieve_async()
    assert balance.available[0].amount == payout["amount"]


async def test_movements_are_found_by_their_source_and_type(bench: Bench) -> None:
    intent = await bench.pay(capture_method="automatic")

    by_source = await bench.v1.balance_transactions.list_async({"source": intent["latest_charge"]})
    by_type = await bench.v1.balance_transactions.list_async({"type": "refund"})

    assert [row.source for row in by_source.data] == [intent["latest_charge"]]
    assert by_type.data == []
