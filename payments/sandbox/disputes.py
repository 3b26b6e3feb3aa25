"""Disputes: opened by test instruments, answered with evidence, decided by its magic words."""

from __future__ import annotations

from payments.sandbox import balance, evidence, methods
from payments.sandbox.books import Books
from payments.sandbox.instruments import Dispute
from payments.sandbox.objects import Body, assign, hidden
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import unexpected

FEE = 1500
_ANSWERABLE = ("needs_response", "warning_needs_response", "appeal_needs_response")
_ALIVE = (*_ANSWERABLE, "under_review", "warning_under_review", "appeal_under_review")
_REVIEWS = {"warning_needs_response": "warning_under_review", "appeal_needs_response": "appeal_under_review"}
_WORDS = {"winning_evidence": "won", "losing_evidence": "lost", "escalate_inquiry_evidence": "escalated"}


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/disputes/{dispute}."""
    del given
    return await books.one("dispute", id)


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/disputes."""
    question = Question("dispute").equal(given, "charge", "payment_intent").between(given, "created")
    return await page(books, question, given, "/v1/disputes")


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/disputes/{dispute}: evidence is submitted unless `submit` is false, and only once."""
    dispute = await books.one("dispute", id)
    assign(dispute, given, ("intended_submission_method", "metadata"))
    submits = given.get("submit", "evidence" in given)
    if "evidence" in given or submits:
        _check_answerable(dispute)
        await evidence.add(books, dispute, given.get("evidence", {}))
    if submits:
        _submit(books, dispute)
    books.emit_update("charge.dispute.updated", dispute)
    return dispute


async def close(books: Books, given: Body, id: str) -> Body:
    """POST /v1/disputes/{dispute}/close: accept it, for good."""
    del given
    dispute = await books.one("dispute", id)
    if dispute["status"] not in _ANSWERABLE:
        raise unexpected("This dispute is already closed or under review.")
    _close(books, dispute, "lost")
    return dispute


async def open_all(books: Books, id: str) -> None:
    """The disputes that a charge's test instrument brings."""
    charge = await books.one("charge", id)
    method = await books.one("payment_method", charge["payment_method"])
    wanted = methods.instrument_of(method).disputes
    assert wanted, "only an instrument that disputes is scheduled to"
    left = charge["amount_captured"]
    for part in range(wanted.parts, 0, -1):
        await open_one(books, charge, wanted, left // part)
        left -= left // part


async def open_one(books: Books, charge: Body, wanted: Dispute, amount: int) -> Body:
    """A new dispute of a charge; unless it is an inquiry, the funds are withdrawn."""
    inquiry = wanted.case == "inquiry"
    kind, details = charge["payment_method_details"]["type"], None
    if kind == "card":
        brand = charge["payment_method_details"]["card"]["brand"]
        card = {
            "brand": brand,
            "case_type": wanted.case,
            "network": brand,
            "network_reason_code": wanted.network_reason_code,
        }
        details = {"card": card, "type": "card"}
    dispute = books.new(
        "dispute",
        amount=amount,
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=list(wanted.eligible),
        evidence=evidence.none(),
        evidence_details={
            "due_by": books.now + books.delays.dispute_due,
            "enhanced_eligibility": evidence.eligibility(wanted.eligible),
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        is_charge_refundable=inquiry,
        metadata={},
        network_reason_code=wanted.network_reason_code,
        payment_intent=charge["payment_intent"],
        payment_method_details=details,
        reason=wanted.reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    charge["disputed"] = True
    books.emit("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw_funds(books, dispute)
    books.emit_update("charge.updated", charge)
    books.later(books.delays.dispute_due, "expire_dispute", id=dispute["id"])
    return dispute


async def expire(books: Books, id: str) -> None:
    """Nobody answered in time: a dispute is lost, an inquiry is over."""
    dispute = await books.one("dispute", id)
    if dispute["status"] in _ANSWERABLE:
        dispute["evidence_details"]["past_due"] = True
        _close(books, dispute, "lost")


async def appeal(books: Books, id: str) -> None:
    """A dispute that was lost may be appealed: the network waits for evidence once more."""
    dispute = await books.one("dispute", id)
    if dispute["status"] != "lost":
        raise unexpected("Only a dispute that was lost is appealed.")
    dispute["status"] = "appeal_needs_response"
    _ask_again(books, dispute)


async def review(books: Books, id: str, outcome: str) -> None:
    """The bank's decision: `won`, `lost`, or `escalated`, which turns an inquiry into a dispute."""
    dispute = await books.one("dispute", id)
    if dispute["status"] not in _ALIVE:
        return
    inquiry = dispute["status"].startswith("warning")
    if inquiry and outcome in ("lost", "escalated"):
        _escalate(books, dispute)
    else:
        _close(books, dispute, "lost" if outcome == "escalated" else outcome)


def withdraw(books: Books, dispute: Body) -> None:
    """The payer got the money back by a refund: an inquiry ends before it becomes a dispute."""
    if dispute["status"] in _ALIVE and dispute["is_charge_refundable"]:
        _close(books, dispute, "won")


def _check_answerable(dispute: Body) -> None:
    if dispute["evidence_details"]["submission_count"] or dispute["status"] not in _ANSWERABLE:
        raise unexpected("This dispute can't be updated: its evidence was submitted, or it is closed.")


def _submit(books: Books, dispute: Body) -> None:
    evidence.check_complete(dispute)
    details = dispute["evidence_details"]
    details["submission_count"], details["submission_method"] = 1, "manual"
    inquiry = dispute["status"] == "warning_needs_response"
    said = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] == "appeal_needs_response":
        said = ((dispute["evidence"].get("appeal") or {}).get("card") or {}).get("reason_for_filing")
    dispute["status"] = _REVIEWS.get(dispute["status"], "under_review")
    outcome = _WORDS.get(said or "")
    wait = books.delays.review if outcome else books.delays.review_unknown
    books.later(wait, "review_dispute", id=dispute["id"], outcome=outcome or ("won" if inquiry else "lost"))


def _escalate(books: Books, dispute: Body) -> None:
    dispute["status"], dispute["is_charge_refundable"] = "needs_response", False
    if dispute["payment_method_details"]:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    _withdraw_funds(books, dispute)
    _ask_again(books, dispute)


def _ask_again(books: Books, dispute: Body) -> None:
    """Evidence may be submitted once more, by another deadline."""
    dispute["evidence_details"] |= {
        "due_by": books.now + books.delays.dispute_due,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }
    books.emit_update("charge.dispute.updated", dispute)
    books.later(books.delays.dispute_due, "expire_dispute", id=dispute["id"])


def _close(books: Books, dispute: Body, outcome: str) -> None:
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_closed" if inquiry else outcome
    if outcome == "won" and not inquiry:
        moved = _move(books, dispute, dispute["amount"], fee=0, category="dispute_reversal")
        dispute["balance_transactions"].append(moved)
        books.emit("charge.dispute.funds_reinstated", dispute)
    books.emit("charge.dispute.closed", dispute)


def _withdraw_funds(books: Books, dispute: Body) -> None:
    moved = _move(books, dispute, -dispute["amount"], fee=FEE, category="dispute")
    dispute["balance_transactions"].append(moved)
    hidden(dispute)["withdrawn"] = True
    books.emit("charge.dispute.funds_withdrawn", dispute)


def _move(books: Books, dispute: Body, amount: int, *, fee: int, category: str) -> Body:
    sentence = "Chargeback withdrawal" if amount < 0 else "Chargeback reversal"
    return balance.move(
        books,
        "adjustment",
        amount,
        dispute["currency"],
        dispute["id"],
        fee=fee,
        fee_type="Dispute fee",
        category=category,
        description=f"{sentence} for {dispute['charge']}",
    )
