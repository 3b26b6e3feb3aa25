"""Defending: our records of a disputed payment, put together into the evidence that answers its bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from auth import queries as people
from auth.tables import Account
from billing.policies import PolicyKind
from kernel import ids
from kernel.money import Money
from kernel.work import Work
from payments import compelling, evidence, return_queries
from payments.answering import Pack
from payments.compelling import Purchase
from payments.evidence import Facts, Occurrence, PolicyShown, Twin
from payments.tables import Dispute, Payment
from seats import defending_queries as queries

_VISA_FRAUD = "10.4"


async def pack(work: Work, row: Dispute, remarks: str, instead: Mapping[str, str]) -> Pack:
    """Everything that answers a dispute: what was bought and used, by whom, from where. Raises EvidenceUnusable."""
    account = await people.account(work, row.account_id)
    payment = await return_queries.payment(work, row.account_id, row.payment_id)
    purchases = await queries.purchases(work, row.account_id)
    shown = await queries.policies_shown(work, row.account_id, payment.created_at)
    facts = await _facts(work, account, row, payment, purchases, remarks, shown)
    texts = evidence.overridden(evidence.written(facts), instead)
    known = [_purchase(account, each) for each in purchases]
    disputed = next((each for each in known if each.charge == row.charge), None)
    visa_fraud = row.network == "visa" and row.network_code == _VISA_FRAUD
    found = (
        compelling.qualify(disputed, known, visa_fraud=visa_fraud) if disputed else compelling.Lacking.NOT_VISA_FRAUD
    )
    return Pack(evidence.packed(texts, network=row.network), found)


async def _facts(  # noqa: PLR0917 - each is a record of its own
    work: Work,
    account: Account,
    row: Dispute,
    payment: Payment,
    purchases: Sequence[Any],
    remarks: str,
    shown: Sequence[Any],
) -> Facts:
    lines = await queries.bought(work, account.id, payment.id)
    policies = {each["kind"]: _policy(each) for each in shown}
    return Facts(
        reason=row.reason,
        paid_at=payment.created_at,
        amount=Money(payment.amount_minor, payment.currency).text,
        products=[f"{line['description']} ({line['period_start']:%F} to {line['period_end']:%F})" for line in lines],
        customer_name=account.name,
        customer_email=account.email,
        billing_address=_address(account),
        ip=payment.ip,
        device=payment.device,
        service_days=_days(lines),
        activity=await _activity(work, account.id, payment.created_at),
        history=await _history(work, account.id, payment.created_at),
        cancellation=policies.get(PolicyKind.CANCELLATION),
        canceled_at=await queries.canceled_at(work, account.id, payment.id),
        refunds=policies.get(PolicyKind.REFUNDS),
        refunded=[
            f"{Money(each['amount_minor'], each['currency']).text} on {each['created_at']:%F}"
            for each in await queries.refunded(work, account.id, payment.id)
        ],
        twins=[_twin(each) for each in purchases if each["charge"] != row.charge],
        remarks="\n\n".join(filter(None, [*(_accepted(each) for each in shown), remarks])),
    )


def _policy(row: Any) -> PolicyShown:
    return PolicyShown(f"{row['title']}, version {row['version']}", row["wording"], row["shown_at"])


def _accepted(row: Any) -> str:
    """That somebody was shown terms before they paid."""
    where = " ".join(filter(None, (row["ip"], row["device"])))
    return (
        f"{row['title']}, version {row['version']}, accepted on {row['shown_at']:%Y-%m-%d %H:%M:%S} UTC from {where}."
    )


async def _activity(work: Work, account_id: int, around: datetime) -> list[Occurrence]:
    done = await queries.deeds(work, account_id, around)
    entered = await queries.sign_ins(work, account_id, around)
    return [
        *(Occurrence(each["at"], each["action"], each["email"], each["ip"]) for each in done),
        *(Occurrence(each["at"], "signed in", each["email"]) for each in entered),
    ]


async def _history(work: Work, account_id: int, around: datetime) -> list[Occurrence]:
    told = []
    for seat in await queries.seats(work, account_id, around):
        what = f"{seat['name']}: {seat['plan']}"
        told.append(Occurrence(seat["since"], f"got a seat in {what}", seat["email"]))
        if seat["released_at"]:
            told.append(Occurrence(seat["released_at"], f"left a seat in {what}", seat["email"]))
    return told


def _address(account: Account) -> str:
    parts = [str(part) for part in (account.address or {}).values() if part]
    return ", ".join([*parts, account.country])


def _days(lines: Sequence[Any]) -> str:
    if not lines:
        return ""
    return f"{min(line['period_start'] for line in lines):%F} to {max(line['period_end'] for line in lines):%F}"


def _purchase(account: Account, row: Any) -> Purchase:
    # What a browser calls itself is no fingerprint of a device, so only the address can link.
    return Purchase(
        charge=row["charge"],
        at=row["created_at"],
        card=row["card"],
        description=row["what"][:500],
        ip=row["ip"],
        account=ids.encode("account", account.id),
        email=account.email,
        disputed=row["disputed"],
    )


def _twin(row: Any) -> Twin:
    return Twin(row["charge"], row["created_at"], Money(row["amount_minor"], row["currency"]).text, row["what"][:500])
