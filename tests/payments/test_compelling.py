"""Visa's rule of two earlier payments."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.compelling import Compelling, Lacking, Link, Purchase, common, enough, qualify

PAID = datetime(2026, 5, 1, 12, tzinfo=UTC)


def purchase(days: int, *, card: str = "visa", disputed: bool = False, **known: str) -> Purchase:
    links = {"ip": "203.0.113.7", "account": "account_1", "email": "ada@acme.test"} | known
    at = PAID - timedelta(days=days)
    return Purchase(f"ch_{days}", at, card, links.pop("description", "Team"), disputed=disputed, **links)


DISPUTED = purchase(0)


def test_two_earlier_payments_from_the_same_address_and_account_win() -> None:
    found = qualify(DISPUTED, [purchase(30), purchase(130), purchase(200), purchase(300)], visa_fraud=True)

    assert isinstance(found, Compelling)
    assert [prior.charge for prior in found.priors] == ["ch_130", "ch_200"]
    assert found.links == {Link.IP, Link.ACCOUNT, Link.EMAIL}


@pytest.mark.parametrize(("days", "counts"), [(119, False), (120, True), (364, True), (365, False)])
def test_they_are_120_to_364_days_old(days: int, counts: bool) -> None:
    found = qualify(DISPUTED, [purchase(200), purchase(days)], visa_fraud=True)

    assert isinstance(found, Compelling) is counts


@pytest.mark.parametrize(
    ("other", "lacking"),
    [
        (purchase(300, card="mastercard"), Lacking.PRIORS),
        (purchase(300, disputed=True), Lacking.PRIORS),
        (purchase(200), Lacking.PRIORS),
        (purchase(300, description=""), Lacking.DESCRIPTION),
        (purchase(300, ip="198.51.100.1"), Lacking.LINKS),
        (purchase(300, account="", email=""), Lacking.LINKS),
    ],
)
def test_what_is_lacking_is_named(other: Purchase, lacking: Lacking) -> None:
    assert qualify(DISPUTED, [purchase(200), other], visa_fraud=True) is lacking


def test_only_fraud_on_a_visa_card_is_won_so() -> None:
    assert qualify(DISPUTED, [purchase(130), purchase(200)], visa_fraud=False) is Lacking.NOT_VISA_FRAUD


values = st.sampled_from(["", "a", "b"])
purchases = st.builds(
    Purchase,
    charge=st.text("abcdef", min_size=1, max_size=3),
    at=st.integers(0, 500).map(lambda days: PAID - timedelta(days=days)),
    card=st.sampled_from(["", "visa", "other"]),
    description=values,
    ip=values,
    device=values,
    account=values,
    email=values,
    disputed=st.booleans(),
)


@given(purchases, st.lists(purchases, max_size=12))
def test_what_qualifies_keeps_every_rule_and_nothing_that_would_is_missed(
    disputed: Purchase, others: list[Purchase]
) -> None:
    found = qualify(disputed, others, visa_fraud=True)

    known = list({other.charge: other for other in others if _may(disputed, other)}.values())
    pairs = [(a, b) for a in known for b in known if a.charge < b.charge and a.description and b.description]
    able = [common(disputed, *pair) for pair in pairs if disputed.description and enough(common(disputed, *pair))]
    assert isinstance(found, Compelling) is bool(able)
    if isinstance(found, Compelling):
        assert all(_may(disputed, prior) for prior in found.priors)
        assert found.priors[0].charge != found.priors[1].charge
        assert len(found.links) == max(map(len, able))
        assert found.links & {Link.IP, Link.DEVICE}


def _may(disputed: Purchase, other: Purchase) -> bool:
    days = (disputed.at - other.at).days
    return (
        120 <= days <= 364
        and bool(other.card)
        and other.card == disputed.card
        and other.charge != disputed.charge
        and not other.disputed
    )
