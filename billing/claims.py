"""Claims: rows of ours and of the rail's balance, put together by what they are about, and compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from billing import reconciliation, reconciliation_queries
from billing.discrepancies import Finding
from billing.reconciliation import Claim, DiscrepancySubject, Moved, Paid
from billing.reconciliation_queries import Key
from kernel import ids
from kernel.money import Money, total
from kernel.work import Work

_PREFIXES = {
    DiscrepancySubject.PAYMENT: "pay",
    DiscrepancySubject.REFUND: "refund",
    DiscrepancySubject.DISPUTE: "dispute",
}
_About = tuple[int, str, int]


@dataclass(slots=True)
class Compared:
    """What was compared of some payments."""

    claims: dict[_About, Claim] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


async def compare(work: Work, keys: Sequence[Key]) -> Compared:
    """Compare some payments, their refunds and disputes with what moved of them."""
    moved: dict[_About, list[Moved]] = defaultdict(list)
    strange: list[asyncpg.Record] = []
    for row in await reconciliation_queries.moved_rows(work, keys):
        if row["subject"]:
            moved[row["account_id"], row["subject"], row["subject_id"]].append(moved_of(row))
        else:
            strange.append(row)
    compared = Compared()
    for key, claim in await _claims(work, keys):
        about = (key[0], claim.subject.value, claim.number)
        compared.claims[about] = claim
        found = reconciliation.compare(claim, moved[about], work.now)
        compared.findings += [Finding(each, *key) for each in found]
    compared.findings += _strange(strange)
    compared.findings += await _doubles(work, keys)
    return compared


def moved_of(row: asyncpg.Record) -> Moved:
    """A movement, as it is compared."""
    currency = row["currency"]
    amount, fee = Money(row["amount_minor"], currency), Money(row["fee_minor"], currency)
    return Moved(row["rail_id"], amount, fee, exchanged=row.get("exchange_rate") is not None)


async def _claims(work: Work, keys: Sequence[Key]) -> list[tuple[Key, Claim]]:
    payments = [
        (row, DiscrepancySubject.PAYMENT, row["charge"], row["amount_minor"] if row["state"] == "succeeded" else 0)
        for row in await reconciliation_queries.payment_rows(work, keys)
    ]
    refunds = [
        (row, DiscrepancySubject.REFUND, row["rail_id"], -row["amount_minor"] if row["gone"] else 0)
        for row in await reconciliation_queries.refund_rows(work, keys)
    ]
    disputes = [
        (row, DiscrepancySubject.DISPUTE, row["rail_id"], -row["away_minor"])
        for row in await reconciliation_queries.dispute_rows(work, keys)
    ]
    return [
        ((row["account_id"], row["payment_id"]), _claim(row, subject, reference, minor))
        for row, subject, reference, minor in (*payments, *refunds, *disputes)
    ]


def _claim(row: asyncpg.Record, subject: DiscrepancySubject, reference: str | None, minor: int) -> Claim:
    fee_currency, settled = row.get("fee_currency"), row.get("settled_minor")
    return Claim(
        subject=subject,
        number=row["id"],
        reference=reference or ids.encode(_PREFIXES[subject], row["id"]),
        says=row["state"],
        amount=Money(minor, row["currency"]),
        since=row["since"],
        settled=Money(settled, fee_currency) if fee_currency and settled is not None else None,
        fee=Money(row["fee_minor"], fee_currency) if fee_currency else None,
    )


def _strange(rows: Iterable[asyncpg.Record]) -> list[Finding]:
    """Movements of payments of ours that are about no row: refunds that were made in Stripe's own console."""
    by_source: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        by_source[row["source"] or row["rail_id"]].append(row)
    found = []
    for source, moved in by_source.items():
        first = moved[0]
        amount = total((moved_of(row).amount for row in moved), first["currency"])
        fee = total((moved_of(row).fee for row in moved), first["currency"])
        if amount or fee:
            refund = first["kind"].startswith(("refund", "payment_refund"))
            together = Moved(first["rail_id"], amount, fee)
            told = reconciliation.unclaimed(together, first["kind"], source, ours=True, refund=refund)
            found.append(Finding(told, first["account_id"], first["payment_id"]))
    return found


async def _doubles(work: Work, keys: Sequence[Key]) -> list[Finding]:
    by_invoice: dict[Key, list[Paid]] = defaultdict(list)
    for row in await reconciliation_queries.paid_rows(work, keys):
        amounts = (Money(row[name], row["currency"]) for name in ("amount_minor", "applied_minor", "back_minor"))
        paid = Paid(row["payment_id"], ids.encode("pay", row["payment_id"]), *amounts)
        by_invoice[row["account_id"], row["invoice_id"]].append(paid)
    return [
        Finding(told, account_id, told.number)
        for (account_id, _), paid in by_invoice.items()
        for told in reconciliation.doubles(paid)
    ]


async def unclaimed(
    work: Work, since: datetime, until: datetime, after: str, most: int
) -> tuple[list[Finding], str | None]:
    """Movements of a span that are about no payment of ours; and from where the next ones begin."""
    rows = await reconciliation_queries.unclaimed_rows(work, since, until, after, most)
    found = [
        Finding(reconciliation.unclaimed(moved_of(row), row["kind"], row["source"], ours=row["owner"] == "ours"))
        for row in rows
    ]
    return found, rows[-1]["rail_id"] if len(rows) == most else None


async def payouts(work: Work, since: datetime, until: datetime) -> tuple[list[str], list[Finding]]:
    """The payouts of a span that were taken apart, and those of them that don't add up."""
    rows = await reconciliation_queries.payout_rows(work, since, until)
    found = []
    for row in rows:
        amount, sum_ = (Money(row[name], row["currency"]) for name in ("amount_minor", "itemized_minor"))
        found += reconciliation.compare_payout(row["rail_id"], amount, row["items"], sum_)
    return [row["rail_id"] for row in rows], [Finding(each) for each in found]


async def books(work: Work, account_ids: Sequence[int]) -> list[Finding]:
    """The accounts whose books say that other money lies at the rail than what moved there."""
    here = await reconciliation_queries.cash(work, account_ids)
    there = await reconciliation_queries.net(work, account_ids)
    return [
        Finding(told, account_id)
        for account_id in account_ids
        for told in reconciliation.compare_books(
            ids.encode("account", account_id), here.get(account_id, {}), there.get(account_id, {})
        )
    ]
