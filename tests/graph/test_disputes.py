"""Disputes: found, followed in the books, answered once, accepted, and counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from auth.policy import Desk
from kernel import ids
from tests.graph.asking import logged
from tests.graph.test_told import finance_alone_reads, readers
from tests.paying import control, rail_of, together
from tests.returning import Paid, booked, paid, working
from tests.scene import Somebody
from tests.scenery import Scene

DISPUTE = "id state steps outcome withdrawn { minor } reinstated { minor } dueAt answerBy submittedAt"
SHOWN = f"__typename ... on Dispute {{ {DISPUTE} }} ... on Problem {{ message }}"
OF_PAYMENT = f"query($id: ID!) {{ node(id: $id) {{ ... on Payment {{ disputes {{ {DISPUTE} }} }} }} }}"
EVIDENCE = """
    query($id: ID!) {
      node(id: $id) { ... on Dispute { evidence { stage submit lacking sentAt refused texts { name text } } } }
    }
"""
FIGURES = """
    query($since: Instant!, $until: Instant!) {
      disputeFigures(currency: "USD", since: $since, until: $until) {
        reason opened open won lost averted recovered { minor } fees { minor }
      }
    }
"""
LIST = "{ disputes(first: 100) { nodes { id answerBy } } }"


async def disputed(scene: Scene, token: str = "pm_card_createDispute") -> tuple[Paid, Any]:
    await together(scene.world)
    of = await paid(scene, token=token)
    await control(scene.world, "clock", {"advance": 60})
    await working(scene)
    found = (await scene.world.ask(OF_PAYMENT, of.finance, id=of.payment)).data["node"]["disputes"]
    assert len(found) == 1
    return of, found[0]


async def changed(scene: Scene, name: str, as_: Somebody, dispute: Any, **more: Any) -> Any:
    asked = {"dispute": dispute["id"]} | more
    return (await scene.world.change(name, as_, shows_=SHOWN, reason_="Because.", **asked)).data[name]


async def evidence(scene: Scene, as_: Somebody, dispute: Any) -> Any:
    return (await scene.world.ask(EVIDENCE, as_, id=dispute["id"])).data["node"]["evidence"]


async def at_the_rail(scene: Scene, dispute: Any) -> Any:
    number = ids.decode("dispute", dispute["id"])
    known = await scene.world.value("select rail_id from dispute where id = $1", number)
    return (await rail_of(scene.world).line.v1.disputes.retrieve_async(known)).to_dict()


async def test_a_dispute_that_nobody_told_of_is_found_and_booked(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)

    assert (dispute["state"], dispute["outcome"]) == ("NEEDS_RESPONSE", None)
    assert dispute["steps"] == ["STAGE", "SUBMIT", "ACCEPT"]
    assert (dispute["withdrawn"]["minor"], dispute["reinstated"]["minor"]) == (4_000, 0)
    assert dispute["answerBy"] < dispute["dueAt"]
    assert await booked(workspace, of.invoice) == [
        ("dispute_opened", "disputes", "cash", 4_000),
        ("dispute_fee", "fees", "cash", 1_500),
    ]
    everywhere = (await workspace.world.ask(LIST, of.finance)).data["disputes"]["nodes"]
    assert dispute["id"] in [each["id"] for each in everywhere]


async def test_finance_hears_of_a_dispute_once_and_the_payer_does_not(workspace: Scene) -> None:
    await disputed(workspace)

    await workspace.world.run("update outbox set delivered_at = null where account_id = $1", workspace.number)
    before = await readers(workspace, "disputed")
    await working(workspace)

    assert await finance_alone_reads(workspace, "disputed")
    assert await readers(workspace, "disputed") == before


async def test_evidence_after_the_banks_deadline_is_refused_and_nothing_is_sent(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)
    await changed(workspace, "stageEvidence", of.finance, dispute)
    before = await evidence(workspace, of.finance, dispute)

    await past_deadline(workspace, dispute)
    finance = await workspace.world.person("finance", desk=Desk.FINANCE)
    staged = await changed(workspace, "stageEvidence", finance, dispute, remarks="Late.")
    submitted = await changed(workspace, "submitEvidence", finance, dispute)

    for refused in (staged, submitted):
        assert refused["__typename"] == "DisputeNotAnswerable"
        assert refused["message"].startswith("This dispute had to be answered by 20")
        assert refused["message"].endswith("UTC. Wait for the bank's decision, or accept it.")
    assert await evidence(workspace, finance, dispute) == before
    assert (await at_the_rail(workspace, dispute))["evidence_details"]["submission_count"] == 0


async def test_evidence_that_the_rail_was_away_for_until_the_deadline_says_so(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)
    await changed(workspace, "stageEvidence", of.finance, dispute)
    await control(workspace.world, "faults", {"operation": "disputes.update", "fault": "drop_before", "times": 0})
    try:
        unsure = await changed(workspace, "submitEvidence", of.finance, dispute)
        await past_deadline(workspace, dispute)
        await together(workspace.world)
    finally:
        await control(workspace.world, "faults", verb="DELETE")
    await working(workspace, timedelta(hours=1))

    finance = await workspace.world.person("finance", desk=Desk.FINANCE)
    *_, last = await evidence(workspace, finance, dispute)
    assert unsure["submittedAt"]
    assert (last["submit"], last["sentAt"], bool(last["refused"])) == (True, None, True)
    (shown,) = (await workspace.world.ask(OF_PAYMENT, finance, id=of.payment)).data["node"]["disputes"]
    assert (shown["state"], shown["outcome"], shown["submittedAt"]) == ("LOST", "LOST", None)
    assert (await at_the_rail(workspace, dispute))["evidence_details"]["submission_count"] == 0


async def past_deadline(scene: Scene, dispute: Any) -> None:
    """Let the bank's deadline pass, by our clock."""
    left = datetime.fromisoformat(dispute["dueAt"]) - await scene.world.now()
    await scene.world.advance(left + timedelta(hours=1))


async def test_looking_again_changes_nothing(workspace: Scene) -> None:
    of, _ = await disputed(workspace)
    before = await logged(workspace)

    await working(workspace, timedelta(hours=13))

    assert await logged(workspace) == before
    assert len(await booked(workspace, of.invoice)) == 2


async def test_evidence_is_staged_looked_at_and_submitted_once(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)

    early = await changed(workspace, "submitEvidence", of.finance, dispute)
    staged = await changed(workspace, "stageEvidence", of.finance, dispute, remarks="See https://acme.test")
    kept = await at_the_rail(workspace, dispute)
    submitted = await changed(workspace, "submitEvidence", of.finance, dispute)
    again = await changed(workspace, "submitEvidence", of.finance, dispute)

    assert early["__typename"] == "DisputeNotAnswerable"
    assert (staged["state"], kept["evidence_details"]["submission_count"]) == ("NEEDS_RESPONSE", 0)
    assert kept["evidence"]["customer_purchase_ip"] == "203.0.113.7"
    assert (submitted["state"], submitted["steps"]) == ("UNDER_REVIEW", [])
    assert again["__typename"] == "DisputeNotAnswerable"
    first, second = await evidence(workspace, of.finance, dispute)
    assert (first["submit"], second["submit"], first["lacking"]) == (False, True, "priors")
    assert first["texts"] == second["texts"]
    told = {each["name"]: each["text"] for each in first["texts"]}
    assert "Workshop 4000" in told["product_description"]
    assert "(link left out)" in told["uncategorized_text"]
    assert "acme.test" not in told["uncategorized_text"]
    assert (await evidence(workspace, workspace.owner, dispute)) == []


async def test_a_submission_whose_answer_is_lost_arrives_once(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)
    await changed(workspace, "stageEvidence", of.finance, dispute)
    await control(workspace.world, "faults", {"operation": "disputes.update", "fault": "drop_after", "times": 0})
    try:
        unsure = await changed(workspace, "submitEvidence", of.finance, dispute)
    finally:
        await control(workspace.world, "faults", verb="DELETE")

    await working(workspace, timedelta(minutes=5))

    assert unsure["submittedAt"]
    assert (await at_the_rail(workspace, dispute))["evidence_details"]["submission_count"] == 1
    *_, last = await evidence(workspace, of.finance, dispute)
    assert (last["submit"], last["refused"], bool(last["sentAt"])) == (True, None, True)


async def test_an_accepted_dispute_is_a_bad_debt(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)

    accepted = await changed(workspace, "acceptDispute", of.finance, dispute)
    await working(workspace)
    late = await changed(workspace, "stageEvidence", of.finance, dispute)

    assert (accepted["state"], accepted["outcome"], accepted["steps"]) == ("LOST", "LOST", [])
    assert (await booked(workspace, of.invoice))[-1] == ("dispute_lost", "bad_debt", "disputes", 4_000)
    assert late["message"] == "This dispute is over: it is lost, and nothing is left to do."


async def test_a_dispute_that_is_won_comes_back(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)
    known = (await at_the_rail(workspace, dispute))["id"]
    await rail_of(workspace.world).disputes.answer(
        known, {"uncategorized_text": "winning_evidence"}, submit=True, key="w"
    )
    await control(workspace.world, "clock", {"advance": 86_400})

    await working(workspace, timedelta(hours=13))

    finance = await workspace.world.person("fresh", desk=Desk.FINANCE)
    seen = (await workspace.world.ask(OF_PAYMENT, finance, id=of.payment)).data["node"]["disputes"][0]
    assert (seen["state"], seen["outcome"], seen["reinstated"]["minor"]) == ("WON", "WON", 4_000)
    assert (await booked(workspace, of.invoice))[-1] == ("dispute_won", "cash", "disputes", 4_000)
    now = await workspace.world.now()
    span = {"since": (now - timedelta(days=30)).isoformat(), "until": (now + timedelta(days=30)).isoformat()}
    told = (await workspace.world.ask(FIGURES, finance, **span)).data["disputeFigures"]
    (fraud,) = [row for row in told if row["reason"] == "fraudulent"]
    assert fraud["won"] >= 1
    assert fraud["opened"] >= fraud["won"] + fraud["lost"]


async def test_an_inquiry_is_settled_by_a_refund_of_all_and_by_nothing_less(workspace: Scene) -> None:
    of, inquiry = await disputed(workspace, "pm_card_createDisputeInquiry")
    amount = {"minor": 1_000, "currency": "USD"}
    shown = "__typename ... on Refund { state } ... on Problem { message }"
    asked = {"payment": of.payment, "reason": "They asked."}

    async def refund(**more: Any) -> Any:
        reply = await workspace.world.change("refundPayment", of.finance, shows_=shown, reason_="R", **asked, **more)
        return reply.data["refundPayment"]

    part, whole = await refund(amount=amount), await refund()
    await working(workspace, timedelta(hours=13))

    assert (inquiry["state"], inquiry["withdrawn"]["minor"], "REFUND" in inquiry["steps"]) == (
        "WARNING_NEEDS_RESPONSE", 0, True,
    )  # fmt: skip
    assert part["__typename"] == "PaymentNotRefundable"
    assert whole == {"__typename": "Refund", "state": "SUCCEEDED"}
    finance = await workspace.world.person("fresh", desk=Desk.FINANCE)
    seen = (await workspace.world.ask(OF_PAYMENT, finance, id=of.payment)).data["node"]["disputes"][0]
    assert (seen["state"], seen["outcome"]) == ("WARNING_CLOSED", "AVERTED")


async def test_a_dispute_is_not_refunded_besides(workspace: Scene) -> None:
    of, _ = await disputed(workspace)
    shown = "__typename ... on Problem { message }"
    before = await logged(workspace)

    reply = await workspace.world.change(
        "refundPayment", of.finance, shows_=shown, reason_="R", payment=of.payment, reason="They asked."
    )

    refused = reply.data["refundPayment"]
    assert refused["__typename"] in {"PaymentNotRefundable", "RefundTooHigh"}
    assert await logged(workspace) == before


POLICIES = {
    "cancellation": {"title": "Canceling", "version": "2026-03", "text": "Cancel any time, for the next period."},
    "terms": {"title": "Terms of service", "version": "7", "url": "https://shop.example/terms"},
}


async def test_what_was_agreed_on_and_the_receipt_go_to_the_bank(workspace: Scene) -> None:
    bought = await workspace.world.change(
        "subscribe",
        workspace.owner,
        shows_="... on Subscription { policiesShown { kind version wording url } }",
        account=workspace.account,
        price=workspace.world.catalog.metered.price,
        policies=POLICIES,
    )
    of, dispute = await disputed(workspace)

    await changed(workspace, "stageEvidence", of.finance, dispute, remarks="They called.")

    shown = bought.data["subscribe"]["policiesShown"]
    assert shown == [
        {"kind": "TERMS", "version": "7", "wording": "", "url": "https://shop.example/terms"},
        {"kind": "CANCELLATION", "version": "2026-03", "wording": "Cancel any time, for the next period.", "url": None},
    ]
    kept = (await at_the_rail(workspace, dispute))["evidence"]
    assert "Canceling, version 2026-03\nCancel any time" in kept["cancellation_policy_disclosure"]
    assert "Terms of service, version 7, accepted on" in kept["uncategorized_text"]
    assert kept["uncategorized_text"].endswith("They called.")
    contents = await control(workspace.world, f"objects/{kept['receipt']}", verb="GET")
    assert (contents["type"], contents["purpose"]) == ("pdf", "dispute_evidence")
    asked = "query($id: ID!) { node(id: $id) { ... on Dispute { evidence { files } } } }"
    (evidence_,) = (await workspace.world.ask(asked, of.finance, id=dispute["id"])).data["node"]["evidence"]
    assert evidence_["files"] == ["receipt"]


async def test_staff_say_it_in_their_own_words_within_the_fields_of_the_bank(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)
    texts = [{"name": "product_description", "text": "A workshop."}, {"name": "customer_purchase_ip", "text": ""}]

    await changed(workspace, "stageEvidence", of.finance, dispute, texts=texts)
    unknown = await changed(
        workspace, "stageEvidence", of.finance, dispute, texts=[{"name": "receipt", "text": "file_1"}]
    )
    long = await changed(
        workspace, "stageEvidence", of.finance, dispute, texts=[{"name": "service_date", "text": "x" * 150_001}]
    )

    kept = (await at_the_rail(workspace, dispute))["evidence"]
    assert (kept["product_description"], kept["customer_purchase_ip"]) == ("A workshop.", None)
    assert unknown["message"].startswith("This evidence can't be sent: there is no field 'receipt'.")
    assert long["message"].startswith("This evidence can't be sent: its texts have")
    assert len(await evidence(workspace, of.finance, dispute)) == 1


async def test_what_was_lost_is_appealed_with_a_reason_and_files(workspace: Scene) -> None:
    of, dispute = await disputed(workspace)
    await changed(workspace, "stageEvidence", of.finance, dispute)
    await changed(workspace, "submitEvidence", of.finance, dispute)
    number = ids.decode("dispute", dispute["id"])
    known = await workspace.world.value("select rail_id from dispute where id = $1", number)
    await control(workspace.world, f"disputes/{known}", {"outcome": "lost"})
    await working(workspace, timedelta(hours=13))
    lost = await workspace.world.value("select state from dispute where id = $1", number)
    await control(workspace.world, f"disputes/{known}", {"outcome": "appealed"})
    await working(workspace, timedelta(hours=1))

    finance = await workspace.world.person("finance", desk=Desk.FINANCE)
    staged = await changed(workspace, "stageEvidence", finance, dispute, remarks="The bank overlooked the log.")
    submitted = await changed(workspace, "submitEvidence", finance, dispute)

    assert (lost, staged["__typename"], submitted["__typename"]) == ("lost", "Dispute", "Dispute")
    kept = await at_the_rail(workspace, dispute)
    assert kept["status"] == "appeal_under_review"
    appeal = kept["evidence"]["appeal"]["card"]
    assert appeal["reason_for_filing"].endswith("The bank overlooked the log.")
    assert len(appeal["supporting_files"]) == 1


async def test_terms_that_could_not_be_shown_are_refused(workspace: Scene) -> None:
    before = await logged(workspace)

    for wrong in ({"url": "http://shop.example"}, {"version": " "}, {"title": ""}, {"text": "x" * 20_001}):
        refused = await workspace.world.change(
            "subscribe",
            workspace.owner,
            shows_="__typename",
            account=workspace.account,
            price=workspace.world.catalog.metered.price,
            policies={"refunds": POLICIES["terms"] | wrong},
        )
        assert refused.codes == ["INVALID_INPUT"]

    assert await logged(workspace) == before
