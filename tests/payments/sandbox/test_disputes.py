"""Disputes: opened, answered once, decided; and what they do to the money."""

import io
from typing import Any

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import DAY, Bench

HOUR = 3600


async def disputed(bench: Bench, token: str = "pm_card_createDispute", **params: Any) -> Any:
    intent = await bench.pay(token, **params)
    await bench.advance(5)
    (dispute,) = (await bench.v1.disputes.list_async({"payment_intent": intent["id"]})).to_dict()["data"]
    return dispute


async def status_of(bench: Bench, dispute: Any) -> str:
    return (await bench.v1.disputes.retrieve_async(dispute["id"])).status


async def test_a_dispute_takes_the_money_and_a_fee(bench: Bench) -> None:
    dispute = await disputed(bench, amount=2000)

    shapes.check(dispute)
    assert (dispute["status"], dispute["reason"], dispute["network_reason_code"]) == (
        "needs_response",
        "fraudulent",
        "10.4",
    )
    (moved,) = dispute["balance_transactions"]
    assert (moved["type"], moved["amount"], moved["fee"], moved["net"]) == ("adjustment", -2000, 1500, -3500)
    charge = await bench.v1.charges.retrieve_async(dispute["charge"])
    assert charge.disputed
    assert {"charge.dispute.created", "charge.dispute.funds_withdrawn"} <= set(await bench.told())


async def test_winning_evidence_wins_the_money_back(bench: Bench) -> None:
    dispute = await disputed(bench, amount=2000)

    submitted = await bench.v1.disputes.update_async(
        dispute["id"], {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    await bench.advance(HOUR)

    won = (await bench.v1.disputes.retrieve_async(dispute["id"])).to_dict()
    shapes.check(won)
    assert (submitted.status, won["status"]) == ("under_review", "won")
    assert [moved["amount"] for moved in won["balance_transactions"]] == [-2000, 2000]
    assert (await bench.told())[-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]


async def test_losing_evidence_loses(bench: Bench) -> None:
    dispute = await disputed(bench)

    await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"uncategorized_text": "losing_evidence"}})
    await bench.advance(HOUR)

    assert await status_of(bench, dispute) == "lost"


async def test_any_other_evidence_is_thought_about_for_long(bench: Bench) -> None:
    dispute = await disputed(bench)

    await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"customer_name": "Ada"}})
    await bench.advance(59 * DAY)
    assert await status_of(bench, dispute) == "under_review"
    await bench.advance(DAY)

    assert await status_of(bench, dispute) == "lost"


async def test_evidence_can_be_staged_and_is_submitted_once(bench: Bench) -> None:
    dispute = await disputed(bench)

    staged = await bench.v1.disputes.update_async(
        dispute["id"], {"evidence": {"customer_name": "Ada"}, "submit": False}
    )
    submitted = await bench.v1.disputes.update_async(dispute["id"], {"submit": True})

    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert (submitted.status, submitted.evidence.customer_name) == ("under_review", "Ada")
    assert submitted.evidence_details.submission_count == 1
    with pytest.raises(stripe.InvalidRequestError):
        await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"customer_name": "Eve"}})


async def test_metadata_alone_submits_nothing(bench: Bench) -> None:
    dispute = await disputed(bench)

    updated = await bench.v1.disputes.update_async(dispute["id"], {"metadata": {"case": "7"}})

    assert updated.status == "needs_response"


async def test_a_dispute_that_nobody_answers_is_lost(bench: Bench) -> None:
    dispute = await disputed(bench)

    await bench.advance(14 * DAY)

    lost = (await bench.v1.disputes.retrieve_async(dispute["id"])).to_dict()
    assert (lost["status"], lost["evidence_details"]["past_due"]) == ("lost", True)
    with pytest.raises(stripe.InvalidRequestError):
        await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"customer_name": "Ada"}})


async def test_closing_a_dispute_accepts_it(bench: Bench) -> None:
    dispute = await disputed(bench)

    closed = await bench.v1.disputes.close_async(dispute["id"])

    assert (closed.status, (await bench.told())[-1]) == ("lost", "charge.dispute.closed")
    with pytest.raises(stripe.InvalidRequestError):
        await bench.v1.disputes.close_async(dispute["id"])


async def test_an_inquiry_takes_no_money_and_a_refund_ends_it(bench: Bench) -> None:
    inquiry = await disputed(bench, "pm_card_createDisputeInquiry")

    await bench.v1.refunds.create_async({"charge": inquiry["charge"]})

    shapes.check(inquiry)
    assert (inquiry["status"], inquiry["balance_transactions"]) == ("warning_needs_response", [])
    assert await status_of(bench, inquiry) == "warning_closed"


async def test_an_inquiry_may_become_a_dispute(bench: Bench) -> None:
    inquiry = await disputed(bench, "pm_card_createDisputeInquiry")

    await bench.v1.disputes.update_async(
        inquiry["id"], {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}}
    )
    await bench.advance(HOUR)

    dispute = (await bench.v1.disputes.retrieve_async(inquiry["id"])).to_dict()
    shapes.check(dispute)
    assert (dispute["status"], dispute["is_charge_refundable"]) == ("needs_response", False)
    assert len(dispute["balance_transactions"]) == 1


async def test_one_charge_may_be_disputed_twice(bench: Bench) -> None:
    intent = await bench.pay("pm_card_createMultipleDisputes", amount=2001)
    await bench.advance(5)

    disputes = await bench.v1.disputes.list_async({"charge": intent["latest_charge"]})

    assert sorted(dispute.amount for dispute in disputes.data) == [1000, 1001]


async def test_visa_tells_what_is_missing_until_the_evidence_qualifies(bench: Bench) -> None:
    priors = [(await bench.pay())["latest_charge"] for _ in range(2)]
    dispute = await disputed(bench, "pm_card_createCe3EligibleDispute")
    same = {
        "customer_email_address": "ada@acme.test",
        "customer_purchase_ip": "192.0.2.7",
        "product_description": "Seats",
    }

    async def stage(compelling: Any) -> Any:
        evidence: Any = {"enhanced_evidence": {"visa_compelling_evidence_3": compelling}}
        staged = await bench.v1.disputes.update_async(dispute["id"], {"evidence": evidence, "submit": False})
        shapes.check(staged.to_dict())
        return staged.to_dict()["evidence_details"]["enhanced_eligibility"]["visa_compelling_evidence_3"]

    begun = await stage({"disputed_transaction": same})
    done = await stage(
        {
            "disputed_transaction": same | {"merchandise_or_services": "services"},
            "prior_undisputed_transactions": [same | {"charge": charge} for charge in priors],
        }
    )

    assert dispute["enhanced_eligibility_types"] == ["visa_compelling_evidence_3"]
    assert begun == {
        "required_actions": ["missing_merchandise_or_services", "missing_prior_undisputed_transactions"],
        "status": "requires_action",
    }
    assert done == {"required_actions": [], "status": "qualified"}


async def test_a_compliance_dispute_is_answered_by_who_accepts_its_fee(bench: Bench) -> None:
    dispute = await disputed(bench, "pm_card_createComplianceDispute")

    with pytest.raises(stripe.InvalidRequestError, match="acknowledge the fee"):
        await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"customer_name": "Ada"}})
    submitted = await bench.v1.disputes.update_async(
        dispute["id"], {"evidence": {"enhanced_evidence": {"visa_compliance": {"fee_acknowledged": True}}}}
    )

    shapes.check(submitted.to_dict())
    assert submitted.status == "under_review"


async def test_evidence_is_a_file_of_the_right_purpose_and_kind(bench: Bench) -> None:
    dispute = await disputed(bench)
    content = b"%PDF-1.7 receipt\r\n\x00\xff"
    file = await bench.v1.files.create_async({"purpose": "dispute_evidence", "file": io.BytesIO(content)})

    staged = await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"receipt": file.id}, "submit": False})

    shapes.check(file.to_dict())
    assert (file.type, file.size, staged.evidence.receipt) == ("pdf", len(content), file.id)
    assert (await bench.raw.get(str(file.url))).content == content
    with pytest.raises(stripe.InvalidRequestError, match="No such file"):
        await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"receipt": "file_none"}, "submit": False})
    with pytest.raises(stripe.InvalidRequestError, match="PDF"):
        await bench.v1.files.create_async({"purpose": "dispute_evidence", "file": io.BytesIO(b"MZ")})


async def test_evidence_has_a_longest_length(bench: Bench) -> None:
    dispute = await disputed(bench)

    with pytest.raises(stripe.InvalidRequestError, match="150000"):
        await bench.v1.disputes.update_async(dispute["id"], {"evidence": {"access_activity_log": "x" * 150_001}})

    assert await status_of(bench, dispute) == "needs_response"


async def test_a_fraud_warning_comes_before_any_dispute(bench: Bench) -> None:
    intent = await bench.pay("pm_card_createIssuerFraudRecord")

    await bench.advance(5)

    listed = (await bench.v1.radar.early_fraud_warnings.list_async({"payment_intent": intent["id"]})).to_dict()
    shapes.check_list(listed)
    assert listed["data"][0]["actionable"]
    assert "radar.early_fraud_warning.created" in await bench.told()
    assert (await bench.v1.disputes.list_async()).data == []


async def test_a_test_may_open_and_decide_a_dispute_by_itself(bench: Bench) -> None:
    intent = await bench.pay()

    made = await bench.control(
        "disputes", {"charge": intent["latest_charge"], "reason": "subscription_canceled", "amount": 700}
    )
    decided = await bench.control(f"disputes/{made['id']}", {"outcome": "won"})

    shapes.check(made)
    assert (made["reason"], made["amount"], decided["status"]) == ("subscription_canceled", 700, "won")
