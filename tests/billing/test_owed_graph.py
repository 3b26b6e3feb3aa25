"""Invoices, credit notes and the books, as clients ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import schema
from auth.policy import ROLES, SELF, Actor, ActorKind, Desk, Role, sees
from billing import changes
from billing.pricing import TIMES
from kernel import ids
from kernel.audit import Origin
from kernel.work import Work
from resolvers.info import Context
from tests.billing.living import Life, Open, lives

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRAFT = """mutation($input: CreateOneOffInvoiceInput!) { createOneOffInvoice(input: $input) {
    id number state kind poNumber netDays subtotal { minor } tax { minor } total { text } } }"""
CREDIT = """mutation($input: CreateCreditNoteInput!) { createCreditNote(input: $input) { __typename
    ... on CreditNote { number total { minor } tax { minor } returned { minor } lines { amount { minor } } }
    ... on Problem { message } } }"""
VOID = """mutation($input: VoidInvoiceInput!) { voidInvoice(input: $input) { __typename
    ... on Invoice { state number } ... on Problem { message } } }"""
FINALIZE = """mutation($input: FinalizeInvoiceInput!) { finalizeInvoice(input: $input) { __typename
    ... on Invoice { id state number dueAt credit { minor } remaining { minor } } ... on Problem { message } } }"""
ABANDON = """mutation($input: MarkUncollectibleInput!) { markUncollectible(input: $input) { __typename
    ... on Invoice { state } ... on Problem { message } } }"""
GRANT = """mutation($input: GrantCreditInput!) { grantCredit(input: $input) { __typename
    ... on CreditBalance { balance { text } } ... on Problem { message } } }"""
REQUEST = "mutation($input: RequestApprovalInput!) { requestApproval(input: $input) { id } }"
APPROVE = """mutation($input: ApproveInput!) { approve(input: $input) { __typename
    ... on CreditApproval { approvedAt } ... on Problem { message } } }"""
LINES = [
    {"description": "Workshop", "unitMinor": 50_000, "quantity": 2},
    {"description": "Travel", "unitMinor": 12_345},
]


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as made:
        yield made


@pytest.fixture
async def life(opened: Open) -> Life:
    return await opened(NOW)


def finance(desk: Desk = Desk.FINANCE) -> Actor:
    return Actor(kind=ActorKind.STAFF, person_id=1, desk=desk)


def member(life: Life, role: Role = Role.OWNER) -> Actor:
    return Actor(
        kind=ActorKind.PERSON, person_id=2, grants={life.account_id: ROLES[role]}, roles={life.account_id: role}
    )


async def ask(life: Life, actor: Actor, document: str, reason: str | None = "Asked for.", **variables: Any) -> Any:
    """What the graph answers: its data, or the codes of its errors."""
    origin = Origin(actor=actor.kind.value, person_id=actor.person_id, reason=reason)
    work = Work(life.engine, life.now, ids=life.blocks, sees=sees(actor), origin=origin)
    try:
        told = await schema.graph().execute(document, variables, context_value=Context(work, actor))
    finally:
        await work.close()
    if told.errors:
        return [getattr(getattr(error.original_error, "code", None), "value", str(error)) for error in told.errors]
    assert told.data is not None
    (answer,) = told.data.values()
    return answer


async def change(life: Life, document: str, actor: Actor | None = None, **given: Any) -> Any:
    return await ask(life, actor or finance(), document, input=given)


async def issued(life: Life, *, lines: list[dict[str, Any]] | None = None, **given: Any) -> str:
    """The id of a final one-off invoice."""
    account = ids.encode("account", life.account_id)
    made = await change(life, DRAFT, account=account, currency="EUR", lines=lines or LINES, finalize=True, **given)
    return str(made["id"])


async def test_a_one_off_invoice_is_a_draft_until_it_is_made_final_once(life: Life) -> None:
    account = ids.encode("account", life.account_id)

    drafted = await change(life, DRAFT, account=account, currency="EUR", lines=LINES, poNumber="PO 7", netDays=30)
    final = await change(life, FINALIZE, invoice=drafted["id"])
    again = await change(life, FINALIZE, invoice=drafted["id"])

    assert drafted == {
        "id": drafted["id"],
        "number": None,
        "state": "DRAFT",
        "kind": "ONE_OFF",
        "poNumber": "PO 7",
        "netDays": 30,
        "subtotal": {"minor": 112_345},
        "tax": {"minor": 21_346},
        "total": {"text": "1336.91 EUR"},
    }
    assert (final["state"], final["number"]) == ("OPEN", "SG-2026-000001")
    assert final["dueAt"] == "2026-03-31T12:00:00Z"
    assert again["message"] == "This invoice is open. Only a draft becomes final, and only once."
    await life.assert_sound()


async def test_a_discarded_draft_burns_no_number(life: Life) -> None:
    account = ids.encode("account", life.account_id)
    drafted = await change(life, DRAFT, account=account, currency="EUR", lines=LINES)

    gone = await change(life, VOID, invoice=drafted["id"])
    await issued(life)

    assert gone == {"__typename": "Invoice", "state": "VOID", "number": None}
    assert await life.one("select max(number) from invoice") == "SG-2026-000001"
    await life.assert_sound()


async def test_reverse_charge_is_printed_and_no_tax_is_taken(opened: Open) -> None:
    life = await opened(NOW, country="DE", vat_id="DE136695976")

    await issued(life)

    (number,) = await life.numbers()
    found = await life.invoice(number)
    assert found["tax_minor"] == 0
    assert found["tax_notes"][0].startswith("Reverse charge")
    await life.assert_sound()


@pytest.mark.parametrize(
    ("lines", "currency"),
    [
        ([], "EUR"),
        ([{"description": "Gift", "unitMinor": -5}], "EUR"),
        ([{"description": " ", "unitMinor": 5}], "EUR"),
        ([{"description": "Cake", "unitMinor": 5, "quantity": 0}], "EUR"),
        ([{"description": "Cake", "unitMinor": 5, "taxCategory": "cake"}], "EUR"),
        ([{"description": "Cake", "unitMinor": 2**62, "quantity": 9}], "EUR"),
        (LINES, "XYZ"),
        (LINES, "XAU"),
    ],
)
async def test_lines_that_make_no_sense_are_refused_and_nothing_is_written(
    life: Life, lines: list[dict[str, Any]], currency: str
) -> None:
    account = ids.encode("account", life.account_id)

    answer = await change(life, DRAFT, account=account, currency=currency, lines=lines)

    assert answer == ["INVALID_INPUT"]
    assert await life.numbers() == []


async def test_a_credit_note_lowers_what_is_owed_first(life: Life) -> None:
    invoice = await issued(life)
    await life.pay(ids.decode("inv", invoice), 100_000)

    note = await change(
        life, CREDIT, invoice=invoice, reason="The trip was called off.", amount={"minor": 40_000, "currency": "EUR"}
    )

    assert note["number"] == "SG-CN-2026-000001"
    assert (note["total"]["minor"], note["returned"]["minor"]) == (40_000, 40_000 - 33_691)
    assert sum(line["amount"]["minor"] for line in note["lines"]) == 40_000 - note["tax"]["minor"]
    found = await life.invoice(ids.decode("inv", invoice))
    assert (found["state"], found["credited_minor"]) == ("paid", 40_000)
    assert (await life.balances())["customer_credit"] == -(40_000 - 33_691)
    await life.assert_sound()


async def test_credit_by_line_takes_the_tax_of_that_line_along(life: Life) -> None:
    invoice = await issued(life)

    note = await change(life, CREDIT, invoice=invoice, reason="No travel.", lines=[{"position": 2, "minor": 12_345}])

    assert (note["total"]["minor"], note["tax"]["minor"]) == (12_345 + 2_346, 2_346)
    await life.assert_sound()


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"amount": {"minor": 133_692, "currency": "EUR"}}, "At most 1336.91 EUR is left of the invoice's lines."),
        ({"amount": {"minor": 1, "currency": "USD"}}, "This is in EUR, and the amount in USD."),
        ({"lines": [{"position": 2, "minor": 12_346}]}, "At most 123.45 EUR is left of line 2."),
        ({"destination": "REFUNDS", "amount": {"minor": 133_691, "currency": "EUR"}}, None),
        ({"lines": [{"position": 3, "minor": 1}]}, "INVALID_INPUT"),
        ({"lines": [{"position": 1, "minor": 0}]}, "INVALID_INPUT"),
        ({"lines": [{"position": 1, "minor": 5}, {"position": 1, "minor": 5}]}, "INVALID_INPUT"),
        ({"amount": {"minor": -5, "currency": "EUR"}}, "INVALID_INPUT"),
        ({"reason": "  "}, "INVALID_INPUT"),
    ],
)
async def test_more_than_is_left_is_never_credited(life: Life, wish: dict[str, Any], says: str | None) -> None:
    invoice = await issued(life)
    before = await life.balances()

    answer = await change(life, CREDIT, **{"invoice": invoice, "reason": "Sorry.", **wish})

    if says is None:
        assert answer["__typename"] == "CreditNote"
    else:
        assert says in (answer[0] if isinstance(answer, list) else answer["message"])
        assert await life.balances() == before
        assert await life.one("select count(*) from credit_note") == 0
    await life.assert_sound()


async def test_only_what_was_paid_with_money_is_refunded(life: Life) -> None:
    await change(life, GRANT, account=ids.encode("account", life.account_id), amount={"minor": 100, "currency": "EUR"})
    invoice = await issued(life)
    await life.pay(ids.decode("inv", invoice), 133_591)

    refused = await change(life, CREDIT, invoice=invoice, reason="Sorry.", destination="REFUNDS")
    done = await change(
        life,
        CREDIT,
        invoice=invoice,
        reason="Sorry.",
        destination="REFUNDS",
        amount={"minor": 133_591, "currency": "EUR"},
    )

    assert refused["message"].startswith("At most 1335.91 EUR of this invoice was paid and can be refunded.")
    assert done["returned"]["minor"] == 133_591
    assert (await life.balances())["refunds"] == -133_591
    await life.assert_sound()


async def test_a_paid_invoice_cannot_be_voided(life: Life) -> None:
    invoice = await issued(life)
    await life.pay(ids.decode("inv", invoice), 1)

    in_part = await change(life, VOID, invoice=invoice)
    await life.pay(ids.decode("inv", invoice), 133_690)
    whole = await change(life, VOID, invoice=invoice)

    assert in_part["message"] == "This invoice is paid in part. Write a credit note instead."
    assert whole["message"] == "This invoice is paid. Write a credit note instead."
    await life.assert_sound()


async def test_voiding_returns_the_credit_that_was_used(life: Life) -> None:
    await change(
        life, GRANT, account=ids.encode("account", life.account_id), amount={"minor": 5_000, "currency": "EUR"}
    )
    invoice = await issued(life)
    assert "customer_credit" not in await life.balances()

    await change(life, VOID, invoice=invoice)

    assert await life.balances() == {"customer_credit": -5_000, "revenue": 5_000}
    await life.assert_sound()


async def test_a_later_correction_has_to_be_taken_back_first(life: Life) -> None:
    await life.subscribe("enterprise_pro", quantity=5)
    life.now += timedelta(days=14)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    life.now += timedelta(days=10)
    wish = changes.Wish(life.item_id, price_id=await life.price("enterprise_max"))
    await life.do(lambda work, account: changes.change(work, account, life.subscription_id, wish))
    first, second = [ids.encode("inv", number) for number in await life.numbers()]

    refused = await change(life, VOID, invoice=first)
    in_order = [await change(life, VOID, invoice=second), await change(life, VOID, invoice=first)]

    assert refused["message"].startswith("Lines of this invoice are corrected by SG-2026-000002.")
    assert [one["state"] for one in in_order] == ["VOID", "VOID"]
    assert await life.balances() == {}
    await life.assert_sound()


async def test_what_is_given_up_is_a_bad_debt(life: Life) -> None:
    invoice = await issued(life)
    await life.pay(ids.decode("inv", invoice), 33_691)

    given_up = await change(life, ABANDON, invoice=invoice)
    again = await change(life, ABANDON, invoice=invoice)

    assert given_up["state"] == "UNCOLLECTIBLE"
    assert again["message"] == "This invoice is uncollectible. Only an open invoice can be given up."
    assert (await life.balances())["bad_debt"] == 100_000
    await life.assert_sound()


async def test_money_that_comes_after_all_takes_the_bad_debt_back(life: Life) -> None:
    invoice = await issued(life)
    number = ids.decode("inv", invoice)
    await change(life, ABANDON, invoice=invoice)

    await life.pay(number, 33_691)
    in_part, held = await life.invoice(number), await life.balances()
    await life.pay(number, 100_500)
    whole = await life.invoice(number)

    assert (in_part["state"], in_part["paid_minor"], held["bad_debt"]) == ("uncollectible", 33_691, 100_000)
    assert (whole["state"], whole["paid_minor"], whole["paid_at"]) == ("paid", 133_691, life.now)
    balances = await life.balances()
    assert "bad_debt" not in balances
    assert "receivable" not in balances
    assert (balances["cash"], balances["customer_credit"]) == (134_191, -500)
    told = await life.owner.fetch("select action from audit_record where account_id = $1 order by seq", life.account_id)
    assert [row["action"] for row in told][-3:] == ["invoice.recovered", "invoice.recovered", "invoice.paid"]
    await life.assert_sound()


async def test_money_for_an_invoice_that_was_taken_back_becomes_credit(life: Life) -> None:
    invoice = await issued(life)
    await change(life, VOID, invoice=invoice)

    await life.pay(ids.decode("inv", invoice), 133_691)

    assert await life.balances() == {"cash": 133_691, "customer_credit": -133_691}
    assert (await life.invoice(ids.decode("inv", invoice)))["paid_minor"] == 0
    await life.assert_sound()


async def test_credit_is_used_by_the_next_invoice_of_its_currency(life: Life) -> None:
    account = ids.encode("account", life.account_id)
    told = await change(life, GRANT, account=account, amount={"minor": 200_000, "currency": "EUR"})
    invoice = await issued(life)

    found = await life.invoice(ids.decode("inv", invoice))

    assert told["balance"]["text"] == "2000.00 EUR"
    assert (found["state"], found["credit_minor"]) == ("paid", 133_691)
    left = await ask(
        life, member(life), 'query($a: ID!) { creditBalance(account: $a, currency: "EUR") { minor } }', a=account
    )
    assert left == {"minor": 66_309}
    await life.assert_sound()


@pytest.mark.parametrize("amount", [{"minor": 0, "currency": "EUR"}, {"minor": 5, "currency": "EURO"}])
async def test_credit_that_makes_no_sense_is_not_granted(life: Life, amount: dict[str, Any]) -> None:
    answer = await change(life, GRANT, account=ids.encode("account", life.account_id), amount=amount)

    assert answer == ["INVALID_INPUT"]
    assert await life.balances() == {}


async def test_only_finance_and_administration_adjust_and_only_with_a_reason(life: Life) -> None:
    given = {"account": ids.encode("account", life.account_id), "amount": {"minor": 5, "currency": "EUR"}}
    own = Actor(kind=ActorKind.PERSON, person_id=3, grants={life.account_id: SELF})
    stranger = Actor(kind=ActorKind.PERSON, person_id=4)

    refused = [await change(life, GRANT, actor, **given) for actor in (member(life), own, finance(Desk.SUPPORT))]
    unknown = await change(life, GRANT, stranger, **given)
    silent = await ask(life, finance(), GRANT, reason=None, input=given)

    assert refused == [["FORBIDDEN"]] * 3
    assert unknown == ["NOT_FOUND"]
    assert silent == ["FORBIDDEN"]
    assert await life.balances() == {}


async def test_the_same_key_writes_one_credit_note(life: Life) -> None:
    invoice = await issued(life)
    given: dict[str, Any] = {
        "invoice": invoice,
        "reason": "Sorry.",
        "amount": {"minor": 10, "currency": "EUR"},
        "idempotencyKey": "k",
    }

    first, second = [await change(life, CREDIT, **given) for _ in range(2)]

    assert first == second
    assert await life.one("select count(*) from credit_note") == 1


async def test_a_preview_is_the_one_off_invoice_that_is_made(life: Life) -> None:
    account = ids.encode("account", life.account_id)
    document = """query($account: ID!, $lines: [OneOffLineInput!]!) {
        previewOneOffInvoice(account: $account, currency: "EUR", lines: $lines) {
            subtotal { minor } tax { minor } total { text } taxNotes
            lines { position description quantity formula amount { minor } tax { minor } } } }"""

    told = await ask(life, finance(), document, account=account, lines=LINES)
    made = await change(life, DRAFT, account=account, currency="EUR", lines=LINES)
    refused = await ask(life, finance(), document, account=account, lines=[])

    assert {name: told[name] for name in ("subtotal", "tax", "total")} == {
        name: made[name] for name in ("subtotal", "tax", "total")
    }
    assert [line["formula"] for line in told["lines"]] == [f"2 {TIMES} 500.00 EUR", "123.45 EUR"]
    assert sum(line["tax"]["minor"] for line in told["lines"]) == told["tax"]["minor"]
    assert refused == ["INVALID_INPUT"]
    assert len(await life.numbers()) == 1


async def test_a_preview_is_the_note_that_is_written(life: Life) -> None:
    invoice = await issued(life)
    wish: dict[str, Any] = {"amount": {"minor": 77_777, "currency": "EUR"}}
    document = """query($invoice: ID!, $amount: AmountInput) {
        previewCreditNote(invoice: $invoice, amount: $amount) {
            total { minor } tax { minor } returned { minor } lines { amount { minor } } } }"""

    told = await ask(life, finance(), document, invoice=invoice, **wish)
    note = await change(life, CREDIT, invoice=invoice, reason="Sorry.", **wish)

    assert told == {name: note[name] for name in told}
    assert await ask(life, finance(), document, invoice=invoice, amount={"minor": 99, "currency": "USD"}) == [
        "INVALID_INPUT"
    ]


async def test_the_owner_sees_how_every_line_came_about(life: Life) -> None:
    await life.subscribe("enterprise_pro", quantity=5)
    life.now += timedelta(days=14)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    (number,) = await life.numbers()
    document = """query($invoice: ID!) { explainInvoice(invoice: $invoice) { agrees missing total { minor }
        lines { formula recorded { minor } recomputed { minor } agrees facts { at says } } } }"""

    told = await ask(life, member(life), document, invoice=ids.encode("inv", number))

    (line,) = told["lines"]
    assert (told["agrees"], told["missing"], line["agrees"]) == (True, [], True)
    assert line["recorded"] == line["recomputed"]
    assert line["facts"][0]["at"] == "2026-03-01T12:00:00Z"
    assert line["facts"][0]["says"].startswith(f"5 for 5 {TIMES} ")
    assert await ask(life, member(life, Role.MEMBER), document, invoice=ids.encode("inv", number)) == ["NOT_FOUND"]


async def test_a_changed_amount_is_noticed(life: Life) -> None:
    invoice = await issued(life)
    await life.owner.execute("update line_item set amount_minor = amount_minor + 1 where position = 1")

    told = await life.explained(ids.decode("inv", invoice))

    assert not told.agrees
    assert [line.agrees for line in told.lines] == [False, True]


async def test_the_books_are_for_staff_and_the_statement_is_for_the_customer(life: Life) -> None:
    invoice = await issued(life)
    await life.pay(ids.decode("inv", invoice), 33_691)
    account = ids.encode("account", life.account_id)
    trial = '{ trialBalance(currency: "EUR") { balanced balances { account balance { minor } } } }'
    ledger = """query($a: ID!) { account(id: $a) { ledger(first: 5) { nodes {
        kind transfers { debit credit amount { minor } } } } } }"""
    statement = """query($a: ID!) { accountStatement(account: $a, currency: "EUR", since: "2026-01-01T00:00:00Z") {
        opening { minor } closing { minor } lines { kind number amount { minor } balance { minor } } } }"""

    told = await ask(life, finance(), trial)
    entries = await ask(life, finance(), ledger, a=account)
    mine = await ask(life, member(life), statement, a=account)

    balances = {one["account"]: one["balance"]["minor"] for one in told["balances"] if one["balance"]["minor"]}
    assert told["balanced"]
    assert balances == {"RECEIVABLE": 100_000, "CASH": 33_691, "REVENUE": -112_345, "TAX": -21_346}
    assert [entry["kind"] for entry in entries["ledger"]["nodes"]] == ["invoice_finalized", "payment_received"]
    assert (mine["opening"], mine["closing"]) == ({"minor": 0}, {"minor": 100_000})
    assert [line["amount"]["minor"] for line in mine["lines"]] == [133_691, -33_691]
    assert await ask(life, member(life), trial) == ["FORBIDDEN"]
    assert (await ask(life, member(life), ledger, a=account))["ledger"]["nodes"] == []


async def test_revenue_is_earned_by_the_day_and_sums_to_the_invoice(life: Life) -> None:
    await life.subscribe("enterprise_pro", quantity=3)
    life.now += timedelta(days=14)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    (number,) = await life.numbers()
    subtotal = (await life.invoice(number))["subtotal_minor"]
    document = """query($a: ID!) {
        revenueSchedule(account: $a, currency: "EUR", since: "2026-03-10", until: "2026-04-20")
        { day earned { minor } deferred { minor } } }"""

    days = await ask(life, finance(), document, a=ids.encode("account", life.account_id))

    assert sum(day["earned"]["minor"] for day in days) == subtotal
    assert [day["deferred"]["minor"] for day in days[:5]] == [0] * 5
    assert days[-1]["deferred"]["minor"] == 0
    ledger, schedule = await life.recognize()
    assert ledger == schedule == next(day["deferred"]["minor"] for day in days if day["day"] == "2026-03-15")


async def test_above_the_limit_another_person_has_to_consent_and_once(life: Life) -> None:
    account, much = ids.encode("account", life.account_id), {"minor": 200_001, "currency": "EUR"}
    second = Actor(kind=ActorKind.STAFF, person_id=7, desk=Desk.FINANCE)

    alone = await change(life, GRANT, account=account, amount=much)
    asked = await change(life, REQUEST, account=account, kind="CREDIT_GRANT", amount=much, reason="An outage.")
    early = await change(life, GRANT, account=account, amount=much, approval=asked["id"])
    own = await change(life, APPROVE, approval=asked["id"])
    given = await change(life, APPROVE, second, approval=asked["id"])
    more = await change(life, GRANT, account=account, amount={**much, "minor": 200_002}, approval=asked["id"])
    done = await change(life, GRANT, account=account, amount=much, approval=asked["id"])
    again = await change(life, GRANT, account=account, amount=much, approval=asked["id"])

    assert alone["message"].startswith("Above 2000.00 EUR a second person has to consent. Ask with")
    assert "nobody has consented" in early["message"]
    assert own["message"] == "This approval was asked for by you, so another person has to give it."
    assert given["approvedAt"] == "2026-03-01T12:00:00Z"
    assert "is for something else" in more["message"]
    assert done["balance"]["text"] == "2000.01 EUR"
    assert "was used already" in again["message"]
    assert (await life.balances())["customer_credit"] == -200_001


async def test_a_large_credit_note_and_write_off_need_consent_too(life: Life) -> None:
    lines = [{"description": "Workshop", "unitMinor": 300_000}]
    invoice = await issued(life, lines=lines)
    before = await life.balances()

    note = await change(life, CREDIT, invoice=invoice, reason="Sorry.")
    written_off = await change(life, ABANDON, invoice=invoice)

    assert (note["__typename"], written_off["__typename"]) == ("SecondPersonNeeded", "SecondPersonNeeded")
    assert await life.balances() == before
    account, owed = ids.encode("account", life.account_id), {"minor": 357_000, "currency": "EUR"}
    second = Actor(kind=ActorKind.STAFF, person_id=7, desk=Desk.ADMIN)
    asked = await change(
        life, REQUEST, account=account, kind="WRITE_OFF", amount=owed, reason="Insolvent.", invoice=invoice
    )
    await change(life, APPROVE, second, approval=asked["id"])
    assert (await change(life, ABANDON, invoice=invoice, approval=asked["id"]))["state"] == "UNCOLLECTIBLE"
    await life.assert_sound()


async def test_owners_ask_for_no_approvals(life: Life) -> None:
    account, much = ids.encode("account", life.account_id), {"minor": 200_001, "currency": "EUR"}
    asked = await change(life, REQUEST, account=account, kind="CREDIT_GRANT", amount=much, reason="An outage.")

    mine = await change(
        life, REQUEST, member(life), account=account, kind="CREDIT_GRANT", amount=much, reason="Please."
    )
    theirs = await change(life, APPROVE, member(life), approval=asked["id"])
    without = await change(life, REQUEST, account=account, kind="CREDIT_NOTE", amount=much, reason="Which?")

    assert (mine, theirs, without) == (["FORBIDDEN"], ["NOT_FOUND"], ["INVALID_INPUT"])
