"""Billing settings: an account's terms, as it or our Finance changes them.

What was issued stays as it is. A running subscription keeps the time zone that its
anchor was made in, so that no period moves: another zone of the account counts for
what starts afterwards, and for the days on which revenue is earned.
"""

from __future__ import annotations

from dataclasses import dataclass

from auth import queries as people
from auth.addresses import address
from auth.operations import named
from auth.tables import Account
from billing import events, queries, terms
from billing.terms import Terms
from kernel.errors import Problem
from kernel.work import Work


@dataclass(eq=False)
class SettingsUnchanged(Problem):
    """The settings are what was asked for already."""

    says = "The billing settings are like this already, so nothing was changed."


async def change(work: Work, account_id: int, wanted: Terms, *, by_finance: bool) -> Account:
    """Set how an account is billed from now on.

    Raises InvalidInput, SettingsUnchanged, VatIdNotValid, or TermsForFinance unless Finance sets them.
    """
    await queries.take_turn(work, account_id)
    account = await people.account(work, account_id)

    wanted = terms.checked(wanted, account.country)
    if not by_finance:
        terms.allow(wanted, net_days=account.net_days, grace_hours=account.grace_hours, collection=account.collection)
    given = wanted.columns
    if wanted.country and wanted.vat_id is None and account.vat_id:
        # A VAT id of the country before would not lower the tax of the one after.
        terms.checked(Terms(vat_id=account.vat_id), wanted.country)
    if wanted.name is not None:
        given["name"] = named(wanted.name)
    if wanted.email is not None:
        given["email"] = address(wanted.email)
    changed = {name: value for name, value in given.items() if getattr(account, name) != value}
    if not changed:
        raise SettingsUnchanged

    for name, value in changed.items():
        setattr(account, name, value)
    await work.flush()
    work.emit(events.BillingSettingsChanged(account_id, account_id), account)
    return account
