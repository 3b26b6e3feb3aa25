"""How an account is billed."""

from __future__ import annotations

import json
from typing import Any

import strawberry

from auth import tables as people
from auth.policy import Permission
from billing.collecting import SeatCollection
from billing.settings import SettingsUnchanged
from billing.states import Collection
from billing.terms import TermsForFinance, VatIdNotValid
from resolvers import settings as resolve
from resolvers.graph import Column, holders
from schema.base import Word, face, words
from schema.changes import mutation

words(SeatCollection, "When seats bought within a period are collected.")


def _lines(row: Any, _info: Any) -> list[str]:
    held = json.loads(row.address) if isinstance(row.address, str) else row.address
    return held["lines"] if held else []


@face(people.Account, None, visible=holders(Permission.SEE_INVOICES, account="id"), part=True)
class BillingSettings:
    """How an account is billed, for whoever sees its invoices."""

    address = Word(Column("address"), "list[str]", resolve=_lines)
    """The lines of its address on invoices."""

    vat_id: str | None
    """The VAT id of a business."""

    po_number: str | None
    """The purchase order that invoices to come print."""

    collection: Collection
    """How invoices are paid."""

    net_days: int
    """Days from an invoice to its due date."""

    grace_hours: int
    """How long an invoice stays a draft, so that somebody can look at it."""

    seat_collection: SeatCollection
    """When seats that are bought within a period are billed."""

    one_invoice: bool
    """Whether subscriptions that fall due on one day are billed on one invoice, in each currency."""

    locale: str
    """The language of invoices to come."""


@strawberry.type
class SettingsMutation:
    """What an account says about how it is billed."""

    update_billing_settings = mutation(
        resolve.update_billing_settings, "Account", refusals=[SettingsUnchanged, VatIdNotValid, TermsForFinance]
    )
