"""Refunds and disputes on the rail, over HTTP and through the real SDK."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel.money import Money
from payments.disputes import DisputeState, moved
from payments.rail import refunds
from payments.rail.disputes import Dispute
from payments.rail.errors import Refused
from payments.rail.opening import Rail
from payments.rail.refunds import Refund
from tests.payments.railing import rail_to
from tests.payments.sandbox.bench import FIVE_DAYS, Bench

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def rail(bench: Bench) -> AsyncIterator[Rail]:
    async with rail_to(bench.address) as made:
        yield made


async def refunded(rail: Rail, paid: Any, minor: int, key: str = "r") -> Refund:
    body = refunds.body_of(paid["id"], Money(minor, "USD"), {"gw_refund": key}, "requested_by_customer")
    return await rail.refunds.create(body, key=key, urgent=True)


async def disputed(rail: Rail, bench: Bench, token: str) -> Dispute:
    await bench.pay(token)
    await bench.advance(FIVE_DAYS)
    (found,) = [dispute async for dispute in rail.disputes.since(EPOCH)]
    return found


async def test_a_refund_is_made_once_and_found_by_our_reference(rail: Rail, bench: Bench) -> None:
    paid = await bench.pay()

    first, second = await refunded(rail, paid, 5_00), await refunded(rail, paid, 5_00)

    found = [refund async for refund in rail.refunds.of_intent(paid["id"], urgent=True)]
    assert first == second
    assert (first.status, first.amount, first.intent) == ("succeeded", Money(5_00, "USD"), paid["id"])
    assert [(refund.id, refund.metadata) for refund in found] == [(first.id, {"gw_refund": "r"})]


async def test_a_refund_that_fails_comes_back_by_a_movement_of_its_own(rail: Rail, bench: Bench) -> None:
    made = await refunded(rail, await bench.pay("pm_card_refundFail"), 5_00)

    await bench.advance(FIVE_DAYS)
    failed = await rail.refunds.look(made.id, urgent=True)

    assert (made.status, failed.status, failed.failure) == ("succeeded", "failed", "expired_or_canceled_card")
    assert failed.returned_by not in {None, failed.transaction}


async def test_more_than_is_left_is_refused(rail: Rail, bench: Bench) -> None:
    with pytest.raises(Refused):
        await refunded(rail, await bench.pay(), 20_01)


async def test_a_dispute_tells_its_money_its_deadline_and_its_rules(rail: Rail, bench: Bench) -> None:
    found = await disputed(rail, bench, "pm_card_createDispute")

    assert (found.state, found.amount, found.reason) == (DisputeState.NEEDS_RESPONSE, Money(20_00, "USD"), "fraudulent")
    assert moved(found.amount, found.movements).withdrawn == Money(20_00, "USD")
    assert found.due_at is not None
    assert found.created is not None
    assert found.due_at > found.created + timedelta(days=5)
    assert (found.network, found.refundable, found.submissions) == ("visa", False, 0)


async def test_staged_evidence_is_not_submitted(rail: Rail, bench: Bench) -> None:
    found = await disputed(rail, bench, "pm_card_createDispute")
    file = await rail.disputes.upload("receipt.pdf", b"%PDF-1.7 receipt", key="f")

    staged = await rail.disputes.answer(found.id, {"receipt": file}, submit=False, key="stage")
    submitted = await rail.disputes.answer(
        found.id, {"uncategorized_text": "winning_evidence"}, submit=True, key="submit"
    )

    assert (staged.state, staged.submissions, staged.has_evidence) == (DisputeState.NEEDS_RESPONSE, 0, True)
    assert (submitted.state, submitted.submissions) == (DisputeState.UNDER_REVIEW, 1)
    with pytest.raises(Refused):
        await rail.disputes.answer(found.id, {"uncategorized_text": "more"}, submit=True, key="again")


async def test_an_accepted_dispute_is_lost(rail: Rail, bench: Bench) -> None:
    found = await disputed(rail, bench, "pm_card_createDispute")

    accepted = await rail.disputes.accept(found.id, key="accept")

    assert accepted.state is DisputeState.LOST


async def test_an_inquiry_has_moved_nothing(rail: Rail, bench: Bench) -> None:
    found = await disputed(rail, bench, "pm_card_createDisputeInquiry")

    assert (found.state, found.movements, found.refundable) == (DisputeState.WARNING_NEEDS_RESPONSE, (), True)
