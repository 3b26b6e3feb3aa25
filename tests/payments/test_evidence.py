"""Evidence: our facts in the fields of a bank, within its limits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.evidence import (
    LARGEST,
    LONGEST,
    Attachment,
    EvidenceFile,
    EvidenceUnusable,
    Facts,
    Occurrence,
    PolicyShown,
    Twin,
    packed,
    plain,
    rows,
    written,
)

PAID = datetime(2026, 5, 1, 12, tzinfo=UTC)
PDF = b"%PDF-1.7 ..."
instants = st.integers(-400, 400).map(lambda hours: PAID + timedelta(hours=hours))
words = st.text(max_size=60)


def facts(reason: str = "fraudulent", **more: object) -> Facts:
    given_: dict[str, object] = {"products": ["Team, 3 seats"], "amount": "60.00 USD", "paid_at": PAID} | more
    return Facts(reason=reason, **given_)  # type: ignore[arg-type] # the tests name the fields


def test_facts_go_into_the_fields_that_banks_read() -> None:
    told = written(
        facts(
            customer_name="Ada",
            customer_email="ada@acme.test",
            ip="203.0.113.7",
            device="Firefox",
            service_days="2026-05-01 to 2026-06-01",
            activity=[Occurrence(PAID, "signed in", "ada@acme.test", "203.0.113.7")],
            history=[Occurrence(PAID, "took a seat", "bob@acme.test")],
        )
    )

    assert told == {
        "customer_name": "Ada",
        "customer_email_address": "ada@acme.test",
        "customer_purchase_ip": "203.0.113.7",
        "product_description": "Team, 3 seats",
        "service_date": "2026-05-01 to 2026-06-01",
        "access_activity_log": "2026-05-01 12:00:00 UTC | signed in | ada@acme.test | 203.0.113.7",
        "uncategorized_text": (
            "Paid on 2026-05-01 12:00:00 UTC: 60.00 USD. From IP address 203.0.113.7. With device: Firefox.\n\n"
            "Who used what was paid for:\n2026-05-01 12:00:00 UTC | took a seat | bob@acme.test"
        ),
    }


def test_each_reason_is_answered_with_what_speaks_to_it() -> None:
    policy = PolicyShown("Terms", "Cancel any time.", PAID - timedelta(days=1))
    later, earlier = PAID + timedelta(days=3), PAID - timedelta(days=3)

    canceled = written(facts("subscription_canceled", canceled_at=later, cancellation=policy))
    before = written(facts("subscription_canceled", canceled_at=earlier))
    refused = written(facts("credit_not_processed", refunds=policy))
    double = written(facts("duplicate", twins=[Twin("ch_1", earlier, "60.00 USD", "April")]))

    assert canceled["cancellation_rebuttal"].startswith("It was canceled on 2026-05-04")
    assert canceled["cancellation_policy_disclosure"] == "Shown on 2026-04-30 12:00:00 UTC. Terms\nCancel any time."
    assert "cancellation_rebuttal" not in before
    assert refused["refund_refusal_explanation"] == "No refund was agreed on for this payment."
    assert double["duplicate_charge_id"] == "ch_1"
    assert "April" in double["duplicate_charge_explanation"]


def test_no_links_are_sent() -> None:
    assert plain("See https://acme.test/terms?x=1 and www.acme.test.\x00", 100) == (
        "See (link left out) and (link left out)"
    )


def test_a_long_log_keeps_what_is_near_the_payment() -> None:
    days = [Occurrence(PAID + timedelta(days=day), f"day {day}") for day in range(-50, 50)]

    log = rows(days, PAID, 400)

    assert len(log) <= 400
    assert "day 0" in log
    assert "day -50" not in log
    assert log.endswith("rows farther from the payment are left out.)")


@settings(max_examples=30)
@given(
    st.lists(st.builds(Occurrence, at=instants, what=words, by=words, ip=words, device=words), max_size=30),
    words,
    st.integers(1, 3000),
)
def test_whatever_our_records_say_fits(told: list[Occurrence], text: str, times: int) -> None:
    long = text * times
    policy = PolicyShown(text, long)
    everything = facts(
        "duplicate",
        products=[long],
        customer_name=long,
        billing_address=long,
        activity=told * 20,
        history=told * 20,
        cancellation=policy,
        refunds=policy,
        refunded=[long],
        remarks=long,
        twins=[Twin("ch", PAID, text, long)] * 3,
    )

    for reason in ("duplicate", "credit_not_processed"):
        evidence = packed(written(replace(everything, reason=reason)))
        assert evidence.length <= LONGEST
        assert all(evidence.texts.values())


@pytest.mark.parametrize(
    ("attachments", "network", "why"),
    [
        ([("receipt", PDF, 1), ("receipt", PDF, 1)], "", "two files for receipt"),
        ([("receipt", b"GIF89a", 1)], "", "no PDF, JPEG or PNG"),
        ([("receipt", PDF + b"x" * LARGEST, 1)], "", "4,500,000 may be sent"),
        ([("receipt", PDF, 30), ("refund_policy", PDF, 20)], "", "50 pages together, and the bank reads 49"),
        ([("receipt", PDF, 20)], "mastercard", "20 pages together, and the bank reads 19"),
    ],
)
def test_files_that_a_bank_does_not_take_are_refused(
    attachments: list[tuple[str, bytes, int]], network: str, why: str
) -> None:
    files = [Attachment(EvidenceFile(kind), "a.pdf", content, pages) for kind, content, pages in attachments]

    with pytest.raises(EvidenceUnusable, match=why):
        packed({}, files, network=network)


def test_texts_that_are_too_long_are_refused() -> None:
    with pytest.raises(EvidenceUnusable, match="150,001 characters"):
        packed({"uncategorized_text": "x" * (LONGEST + 1)})
