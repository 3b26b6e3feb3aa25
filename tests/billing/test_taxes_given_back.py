"""Taxes: what is given back, or taken again, is taxed as it was charged, wherever its customer is by now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.tables import Account
from billing import changes, previews, usage
from billing.changes import Wish
from billing.charging import Bill
from billing.metering import Report
from billing.run import crew
from billing.subscriptions import CancelAt
from kernel.work import Work
from seats import buying
from tests.billing.living import Life, Open, lives
from tests.billing.running import price, subscribe

START = datetime(2026, 4, 1, tzinfo=UTC)
HALF = timedelta(days=15)
GERMAN = "DE136695976"
CONSUMER, BUSINESS = {"country": "DE"}, {"country": "DE", "vat_id": GERMAN}
Rows = list[tuple[Any, ...]]


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as opened:
        yield opened


async def became(life: Life, country: str, vat_id: str | None = None) -> None:
    """The customer is somewhere else from now on, or is a business."""
    await life.owner.execute(
        "update account set country = $2, vat_id = $3 where id = $1", life.account_id, country, vat_id
    )


async def taxes(life: Life, kind: str) -> Rows:
    """Amount, tax, rate and whether that is inside, of each line of a kind."""
    rows = await life.owner.fetch(
        "select amount_minor, tax_minor, tax_percent, tax_inclusive from line_item"
        " where account_id = $1 and kind = $2 order by id",
        life.account_id,
        kind,
    )
    return [tuple(row) for row in rows]


async def ended(life: Life) -> int:
    """End the subscription now with its rest as credit, as it was previewed; how much that is."""

    async def cancel(work: Work, account: Account) -> Bill:
        number = life.subscription_id
        told = await previews.canceling(work, account, number, CancelAt.NOW, credit=True)
        await buying.cancel(work, account, number, CancelAt.NOW, None, credit=True)
        return told

    told = await life.do(cancel)
    given: int = (await life.invoice((await life.numbers())[-1]))["total_minor"]
    assert told.document is not None
    assert told.document.total.minor == given
    return given


@pytest.mark.parametrize(
    ("before", "after", "line", "given"),
    [
        (CONSUMER, BUSINESS, (-500, -95, "19", False), -595),
        (BUSINESS, CONSUMER, (-500, 0, "0", False), -500),
        (CONSUMER, {"country": "FR"}, (-500, -95, "19", False), -595),
        (CONSUMER, {"country": "US"}, (-500, -95, "19", False), -595),
        ({"country": "JP"}, {"country": "US"}, (-500, -45, "10", True), -500),
        ({"country": "US"}, {"country": "JP"}, (-500, 0, "0", False), -500),
    ],
)
async def test_what_is_given_back_is_taxed_as_it_was_charged(
    opened: Open, before: dict[str, Any], after: dict[str, Any], line: tuple[Any, ...], given: int
) -> None:
    life = await opened(START, **before)
    await subscribe(life, await price(life, "giving"))
    life.now += HALF
    await became(life, **after)

    assert await ended(life) == given

    assert await taxes(life, "credit") == [line]
    await life.assert_sound()


async def test_what_is_new_is_taxed_as_it_is_now_on_the_same_invoice(opened: Open) -> None:
    life = await opened(START, **CONSUMER)
    await subscribe(life, await price(life, "giving"))
    life.now += HALF
    await became(life, **BUSINESS)
    wish = Wish(life.item_id, quantity=4)
    dearer = Wish(life.item_id, price_id=await price(life, "after"))

    told = await life.do(lambda work, account: changes.preview(work, account, life.subscription_id, wish))
    _, more = await life.do(lambda work, account: changes.change(work, account, life.subscription_id, wish))
    life.now += HALF / 2
    _, other = await life.do(lambda work, account: changes.change(work, account, life.subscription_id, dearer))

    assert told.document is not None
    assert more is not None
    assert other is not None
    assert (told.document.total.minor, more.total_minor, more.tax_minor) == (1500, 1500, 0)
    # A quarter of each charge is left: of the first one with its tax, and of the second one without.
    assert await taxes(life, "credit") == [(-250, -48, "19", False), (-750, 0, "0", False)]
    assert (other.subtotal_minor, other.tax_minor) == (-1000, -48)
    assert other.tax_notes == [
        "Reverse charge: the recipient accounts for the VAT (Article 196, Directive 2006/112/EC)."
    ]
    await life.assert_sound()


async def test_what_is_taken_again_is_taxed_as_it_was_charged(opened: Open) -> None:
    life = await opened(START, **CONSUMER)
    await subscribe(life, await price(life, "giving"))
    life.now += HALF
    await life.do(lambda work, account: changes.pause(work, account, life.subscription_id, None))
    await became(life, **BUSINESS)

    await life.do(lambda work, account: changes.resume(work, account, life.subscription_id))

    assert await taxes(life, "credit") == [(-500, -95, "19", False)]
    assert await taxes(life, "restored") == [(500, 95, "19", False)]
    await life.assert_sound()


@pytest.mark.parametrize("in_a_run", [False, True])
async def test_corrected_usage_is_taxed_as_it_was_charged(opened: Open, in_a_run: bool) -> None:
    life = await opened(START, **CONSUMER)
    await life.subscribe("api")
    await life.do(lambda work, account: usage.record(work, account.id, [Report("a", "searches", START, 3000)]))
    await _renewed(life, in_a_run=in_a_run)
    await became(life, **BUSINESS)
    await life.do(lambda work, account: usage.record(work, account.id, [Report("b", "searches", life.now, 2000)]))
    await life.do(lambda work, account: usage.void(work, account.id, "searches", START, "a"))

    await _renewed(life, in_a_run=in_a_run)

    told = [(10_00, 190, "19", False), (-10_00, -190, "19", False), (5_00, 0, "0", False)]
    assert sorted(await taxes(life, "usage"), reverse=True) == sorted(told, reverse=True)
    assert await life.one("select sum(total_minor) from invoice where account_id = $1", life.account_id) == 5_00
    await life.assert_sound()


async def _renewed(life: Life, *, in_a_run: bool) -> None:
    life.now = await life.one("select due_at from subscription_clock where subscription_id = $1", life.subscription_id)
    if in_a_run:
        await crew.bill(life.url, until=life.now, now=life.now)
    else:
        await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
