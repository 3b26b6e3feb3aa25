"""Coverage: a period that was never charged is found, and one that was charged twice, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from billing import changes, coverage, invoices
from billing.changes import Wish
from gateway import verification
from tests.billing.living import Life, Open, assert_covered, lives
from tests.billing.running import START, hold, many, price, renew, subscribe

NAME = "Every period of a subscription that has begun was charged, and charged once."


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as made:
        yield made


@pytest.fixture
async def life(opened: Open) -> Life:
    """Four periods of 20.00 USD, each billed when it began."""
    (made,) = await many(opened, 1)
    for _ in range(3):
        await renew(made)
    await assert_covered(made.owner)
    return made


async def _planted(life: Life, *statements: str) -> None:
    """What only the owner can do, who doesn't care for constraints."""
    await life.owner.execute("set session_replication_role = replica")
    for statement in statements:
        await life.owner.execute(statement)
    await life.owner.execute("set session_replication_role = origin")


async def _found(life: Life) -> list[str]:
    """What is told, which doesn't depend on how closely one looks."""
    async with life.owner.transaction():
        quickly = [f"{breach.row}: {breach.reason}" async for breach in coverage.breaches(life.owner)]
        closely = [f"{breach.row}: {breach.reason}" async for breach in coverage.breaches(life.owner, every=True)]
    assert quickly == closely
    return quickly


async def _starts(life: Life) -> list[str]:
    rows = await life.owner.fetch(
        "select billed_period from line_item where account_id = $1 order by 1", life.account_id
    )
    return [f"{row['billed_period']:%Y-%m-%d %H:%M}" for row in rows]


@pytest.mark.parametrize("place", [0, 1, 3])
async def test_a_period_that_was_never_charged_is_named(life: Life, place: int) -> None:
    start = (await _starts(life))[place]

    await _planted(life, f"delete from line_item where account_id = {life.account_id} and billed_period = '{start}+00'")

    told = f"in the period from {start} UTC, 20.00 USD of item {life.item_id} are not charged"
    assert await _found(life) == [f"subscription {life.account_id}/{life.subscription_id}: {told}"]


@pytest.mark.parametrize("place", [0, 1, 3])
async def test_a_period_that_was_charged_twice_is_named(life: Life, place: int) -> None:
    start = (await _starts(life))[place]
    copy = (
        "insert into line_item select (jsonb_populate_record(l, jsonb_build_object('id', -l.id))).* from line_item l"
        f" where account_id = {life.account_id} and billed_period = '{start}+00'"
    )

    await _planted(life, copy)

    told = f"in the period from {start} UTC, 20.00 USD of item {life.item_id} are charged too much"
    assert await _found(life) == [f"subscription {life.account_id}/{life.subscription_id}: {told}"]


async def test_verify_says_so(life: Life) -> None:
    start = (await _starts(life))[2]
    await _planted(life, f"delete from line_item where account_id = {life.account_id} and billed_period = '{start}+00'")

    report = await verification.report(life.url)

    (check,) = [check for check in report["checks"] if check["name"] == NAME]
    assert (report["ok"], check["law"], len(check["broken"])) == (False, 14, 1)


async def test_a_span_that_a_change_left_uncharged_is_named(opened: Open) -> None:
    life = await opened(START)
    await subscribe(life, await price(life, "giving"), 3)
    life.now += timedelta(days=10)
    more = Wish(life.item_id, quantity=8)
    await life.do(lambda work, account: changes.change(work, account, life.subscription_id, more))
    await assert_covered(life.owner)

    await _planted(life, f"delete from line_item where account_id = {life.account_id} and quantity = 8")

    (told,) = await _found(life)
    assert "EUR" in told
    assert told.endswith("are not charged")


async def test_what_was_voided_is_no_gap_until_it_is_billed_again_or_for_good(life: Life) -> None:
    latest = (await life.numbers())[-1]

    await life.do(lambda work, account: invoices.void(work, account, latest))

    assert await _found(life) == []


async def test_who_is_held_is_no_gap(life: Life) -> None:
    start = (await _starts(life))[1]
    await _planted(life, f"delete from line_item where account_id = {life.account_id} and billed_period = '{start}+00'")

    await hold(life, "A person looks at it.")

    assert await _found(life) == []


async def test_what_is_overdue_is_no_gap_before_it_is_renewed(life: Life) -> None:
    life.now += timedelta(days=400)

    assert await _found(life) == []
