"""Describing: what an account is told of a customer at Stripe, as far as it can be kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing.importing.matching import Matching
from billing.terms import Terms, checked
from kernel.errors import InvalidInput, Problem
from payments.rail.billing_values import TheirCustomer, TheirSubscription

LONGEST_NAME = 200


def described(
    matching: Matching, customer: TheirCustomer, subscriptions: Sequence[TheirSubscription]
) -> tuple[dict[str, Any], list[str]]:
    """The columns of the account, and what of the customer can't be kept, in sentences."""
    columns: dict[str, Any] = {}
    notes = []
    country = customer.country or matching.country
    tried = (
        ("country", Terms(country=country), matching.country),
        ("locale", Terms(locale=customer.locale), country),
        ("address", Terms(address=customer.address or None), country),
        ("VAT id", Terms(vat_id=next(iter(customer.vat_ids), None)), country),
    )
    for what, terms, where in tried:
        try:
            columns |= checked(terms, where).columns
        except (InvalidInput, Problem) as refusal:
            notes.append(f"Their {what} is left out: {refusal}")
    columns.setdefault("country", matching.country)
    if any(each.by_invoice for each in subscriptions):
        days = max(each.net_days for each in subscriptions)
        columns |= {"collection": "send_invoice", "net_days": days}
    return columns, notes


def name_of(customer: TheirCustomer) -> str:
    """What the account is called: the customer's name as far as it can be printed, else its address."""
    name = " ".join(customer.name.split())[:LONGEST_NAME]
    return name if name and name.isprintable() else customer.email[:LONGEST_NAME]
