"""Finance at the door: who is told what of invoices and the books, and two people at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from auth.policy import Desk
from billing.states import InvoiceState
from kernel import ids
from tests.graph.crowd import EVERYBODY, OUTSIDERS, UNBELIEVED, WITHOUT_A_REASON, crowd, evidence
from tests.graph.test_permissions import HOLDERS
from tests.scenery import Scene

# Each question, and the right that it asks for.
QUESTIONS = {
    'previewOneOffInvoice(account: $account, currency: "USD", lines: [{description: "Cake", unitMinor: 5}])'
    " { total { minor } }": "adjust",
    "previewCreditNote(invoice: $invoice) { total { minor } }": "adjust",
    "explainInvoice(invoice: $invoice) { agrees }": "see billing",
    'creditBalance(account: $account, currency: "USD") { minor }': "see invoices",
    'accountStatement(account: $account, currency: "USD", since: "2020-01-01T00:00:00Z") { closing { minor } }': (
        "see invoices"
    ),
    'usageEvents(account: $account, meter: "searches", since: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z")'
    " { nodes { key } }": "see billing",
    'trialBalance(currency: "USD") { balanced }': "books",
    'disputeFigures(currency: "USD", since: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z") { reason }': "books",
    "moneyAtRisk { count }": "books",
    'revenueSchedule(account: $account, currency: "USD", since: "2026-01-01", until: "2026-01-02") { day }': "books",
    'revenueSchedule(currency: "USD", since: "2026-01-01", until: "2026-01-02") { day }': "books",
}
BOOKS = HOLDERS["see approvals"]
"""Who sees the books: our own staff."""


def due(question: str, who: str) -> str | None:
    """The code that somebody gets, or None for an answer."""
    right = QUESTIONS[question]
    if who in UNBELIEVED:
        return "UNAUTHENTICATED"
    if who == "anonymous":
        return "UNAUTHENTICATED" if right == "books" else "NOT_FOUND"
    if who in (BOOKS if right == "books" else HOLDERS[right]):
        return None
    if who in WITHOUT_A_REASON:
        return due(question, who.removesuffix(" without a reason"))
    if right == "books":
        return "FORBIDDEN"
    sight = "see invoices" if "$invoice" in question else "see workspace"
    unseen = who in OUTSIDERS or who not in HOLDERS[sight]
    return "NOT_FOUND" if unseen else "FORBIDDEN"


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_question_about_money_is_answered_to_those_who_may_ask_it(question: str, workspace: Scene) -> None:
    asked = {"invoice": await workspace.invoice(), "account": workspace.account}
    used = {name: value for name, value in asked.items() if f"${name}" in question}
    taken = f"({', '.join(f'${name}: ID!' for name in used)})" if used else ""
    document, came = f"query{taken} {{ {question} }}", {}

    for who, caller in (await crowd(workspace)).items():
        came[who] = (await workspace.world.ask(document, caller.asker, reason_=caller.reason, **used)).code

    assert came == {who: due(question, who) for who in EVERYBODY if who in came}
    assert set(came) == set(EVERYBODY)


PROBLEM = "__typename ... on Problem { message }"
AT_ONCE: dict[str, tuple[str, dict[str, Any]]] = {
    "finalizeInvoice": ("draft", {}),
    "voidInvoice": ("open", {}),
    "markUncollectible": ("open", {}),
    "createCreditNote": ("open", {"reason": "Kindness", "amount": {"minor": 3_000, "currency": "USD"}}),
}
"""What two people do at once to an invoice of 40.00, in which state, of which one alone may succeed."""


@pytest.mark.parametrize("mutation", AT_ONCE)
async def test_of_two_people_at_once_one_succeeds_and_the_other_is_told_why(mutation: str, workspace: Scene) -> None:
    state, given = AT_ONCE[mutation]
    invoice = await workspace.invoice(state=InvoiceState(state))
    staff = [await workspace.world.person(f"finance{place}", desk=Desk.FINANCE) for place in range(2)]

    replies = await asyncio.gather(
        *(
            workspace.world.change(mutation, who, shows_=PROBLEM, reason_="Because.", invoice=invoice, **given)
            for who in staff
        )
    )

    done, refused = sorted((reply.data[mutation] for reply in replies), key=lambda answer: "message" in answer)
    actions = await workspace.world.rows(
        "select action from audit_record where account_id = $1 and subject_id in"
        " (select $2::bigint union select id from credit_note where account_id = $1 and invoice_id = $2)",
        workspace.number,
        ids.decode("inv", invoice),
    )
    assert done["__typename"] in {"Invoice", "CreditNote"}
    assert refused["__typename"] in {"InvoiceSettled", "CreditTooHigh"}
    assert refused["message"].endswith(".")
    assert len(actions) == 1


async def test_two_people_use_one_consent_once(workspace: Scene) -> None:
    world = workspace.world
    asking, second = [await world.person(name, desk=Desk.FINANCE) for name in ("asking", "second")]
    approval = await workspace.approval(asking)
    shows = {"shows_": PROBLEM, "reason_": "Because."}
    consents = await asyncio.gather(*(world.change("approve", second, **shows, approval=approval) for _ in range(2)))
    amount = {"minor": 500_000, "currency": "USD"}

    replies = await asyncio.gather(
        *(
            world.change("grantCredit", who, **shows, account=workspace.account, amount=amount, approval=approval)
            for who in (asking, second)
        )
    )

    assert sorted(reply.data["approve"]["__typename"] for reply in consents) == ["ApprovalSettled", "CreditApproval"]
    assert sorted(reply.data["grantCredit"]["__typename"] for reply in replies) == [
        "CreditBalance",
        "SecondPersonNeeded",
    ]
    booked = "select sum(amount_minor) from ledger_transfer where account_id = $1 and credit = 'customer_credit'"
    assert await world.value(booked, workspace.number) == 500_000


NEVER: dict[str, tuple[InvoiceState, str, dict[str, Any], str]] = {
    "a second finalization": (InvoiceState.OPEN, "finalizeInvoice", {}, "Only a draft becomes final, and only once."),
    "voiding a paid invoice": (InvoiceState.PAID, "voidInvoice", {}, "Write a credit note instead."),
    "giving up a paid invoice": (InvoiceState.PAID, "markUncollectible", {}, "Only an open invoice can be given up."),
    "crediting a draft": (
        *(InvoiceState.DRAFT, "createCreditNote", {"reason": "Kindness"}),
        "Discard it, or make it final first.",
    ),
    "a credit above the rest": (
        *(InvoiceState.PAID, "createCreditNote"),
        {"reason": "Kindness", "amount": {"minor": 4_001, "currency": "USD"}},
        "At most 40.00 USD is left of the invoice's lines. Credit less.",
    ),
    "a credit of a line above its rest": (
        *(InvoiceState.OPEN, "createCreditNote"),
        {"reason": "Kindness", "lines": [{"position": 1, "minor": 4_001}]},
        "At most 40.00 USD is left of line 1. Credit less of it.",
    ),
    "a credit in another currency": (
        *(InvoiceState.OPEN, "createCreditNote"),
        {"reason": "Kindness", "amount": {"minor": 1, "currency": "EUR"}},
        "This is in USD, and the amount in EUR. Give the amount in USD.",
    ),
}


@pytest.mark.parametrize("case", NEVER)
async def test_what_may_never_be_is_told_in_a_sentence_and_nothing_is_half_done(case: str, workspace: Scene) -> None:
    state, mutation, given, says = NEVER[case]
    finance = await workspace.world.person("finance", desk=Desk.FINANCE)
    invoice = await workspace.invoice(state=state)
    before = await evidence(workspace)

    reply = await workspace.world.change(
        mutation, finance, shows_=PROBLEM, reason_="Because.", invoice=invoice, **given
    )

    assert reply.data[mutation]["message"].endswith(says)
    assert await evidence(workspace) == before
