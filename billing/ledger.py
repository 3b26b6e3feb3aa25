"""The ledger: money moves between accounts, and is never made or lost.

A transfer moves a positive amount of one currency from the credited account to
the debited one; an entry is a set of transfers, so it balances by construction.
Nothing is changed afterwards: a correction is a reversing entry. Each function
gives the transfers of one thing that happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kernel.money import Money


class Account(StrEnum):
    """Where money can be. What it means that an account is debited is its sentence."""

    RECEIVABLE = "receivable"
    """Customers owe us more."""

    CASH = "cash"
    """More lies at Stripe."""

    BANK = "bank"
    """More lies in our own bank account, for it was paid past Stripe."""

    FEES = "fees"
    """Stripe kept more for its work."""

    REVENUE = "revenue"
    """Less was earned."""

    DEFERRED = "deferred_revenue"
    """Less is billed and still to be delivered."""

    TAX = "tax_payable"
    """We owe less tax."""

    CUSTOMER_CREDIT = "customer_credit"
    """Customers have less credit with us."""

    REFUNDS = "refunds"
    """Less money is promised back and on its way."""

    DISPUTES = "disputes"
    """More is in flight: the bank took it, and has not decided."""

    BAD_DEBT = "bad_debt"
    """More was given up as lost."""

    EXCHANGE = "foreign_exchange"
    """More of this currency was given for another; what is left over in the end is gain or loss."""

    OPENING = "opening"
    """More credit, or less debt, was brought along from before these books began, where it is booked."""

    ROUNDING = "rounding"
    """Never: it is always zero, and an alarm if it isn't."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """An amount above zero that moves from the credited account to the debited one."""

    debit: Account
    credit: Account
    amount: Money

    def __post_init__(self) -> None:
        assert self.amount.minor > 0, "a transfer moves an amount above zero"
        assert self.debit is not self.credit, "a transfer is between two accounts"


Entry = tuple[Transfer, ...]
"""The transfers of one thing that happened."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What an invoice or credit note sums to: not yet delivered, delivered already, and tax."""

    deferred: Money
    earned: Money
    tax: Money

    @property
    def total(self) -> Money:
        """What the customer owes, or gets back."""
        return self.deferred + self.earned + self.tax


def invoice_finalized(sums: Sums) -> Entry:
    """The customer owes the total."""
    return _owed(Account.RECEIVABLE, sums)


def credit_note(sums: Sums, to: Account) -> Entry:
    """Give back parts of an invoice: off what is owed, as customer credit, or as a refund."""
    assert to in {Account.RECEIVABLE, Account.CUSTOMER_CREDIT, Account.REFUNDS}, f"a credit note doesn't go to {to}"
    return reversal(_owed(to, sums))


def invoice_voided(sums: Sums) -> Entry:
    """Nothing was owed after all. `sums` says how much is deferred still and how much was earned since."""
    return credit_note(sums, Account.RECEIVABLE)


def payment_received(
    amount: Money, fee: Money | None = None, *, overpaid: Money | None = None, into: Account = Account.CASH
) -> Entry:
    """Money came for an invoice, less what Stripe kept. What was paid too much becomes customer credit."""
    assert into in {Account.CASH, Account.BANK}, f"money does not arrive in {into}"
    over = overpaid or Money(0, amount.currency)
    return (
        *_moved(into, Account.RECEIVABLE, amount - over),
        *_moved(into, Account.CUSTOMER_CREDIT, over),
        *fee_charged(fee),
    )


def fee_charged(fee: Money | None) -> Entry:
    """Stripe kept something for its work, or, when negative, gave it back."""
    return _moved(Account.FEES, Account.CASH, fee) if fee else ()


def exchanged(amount: Money, into: Money) -> Entry:
    """Money at Stripe was turned into another currency. Each currency balances by itself."""
    return (*_moved(Account.EXCHANGE, Account.CASH, amount), *_moved(Account.CASH, Account.EXCHANGE, into))


def refund_paid(amount: Money) -> Entry:
    """A refund that a credit note promised has left; if it fails, reverse this."""
    return _moved(Account.REFUNDS, Account.CASH, amount)


def written_off(amount: Money, tax: Money | None = None) -> Entry:
    """Give up `amount` that is owed, with the part of it that was tax, if the tax is relieved."""
    relieved = tax or Money(0, amount.currency)
    return (
        *_moved(Account.BAD_DEBT, Account.RECEIVABLE, amount - relieved),
        *_moved(Account.TAX, Account.RECEIVABLE, relieved),
    )


def dispute_opened(amount: Money, fee: Money | None = None) -> Entry:
    """The bank took a payment back until it decides, and Stripe a fee."""
    return (*_moved(Account.DISPUTES, Account.CASH, amount), *fee_charged(fee))


def dispute_won(amount: Money, fee_returned: Money | None = None) -> Entry:
    """The bank decided for us."""
    return (*_moved(Account.CASH, Account.DISPUTES, amount), *fee_charged(-fee_returned if fee_returned else None))


def dispute_lost(amount: Money) -> Entry:
    """The bank decided for the customer. Of a part won and a part lost, each has its own entry."""
    return _moved(Account.BAD_DEBT, Account.DISPUTES, amount)


def credit_granted(amount: Money, *, paid: bool = False) -> Entry:
    """The customer has credit: out of good will, which lowers revenue, or paid in before."""
    return _moved(Account.CASH if paid else Account.REVENUE, Account.CUSTOMER_CREDIT, amount)


def credit_brought(amount: Money) -> Entry:
    """The customer had credit before these books began."""
    return _moved(Account.OPENING, Account.CUSTOMER_CREDIT, amount)


def receivable_brought(amount: Money) -> Entry:
    """The customer owed so much before these books began: it was earned and taxed in those of before."""
    return _moved(Account.RECEIVABLE, Account.OPENING, amount)


def credit_applied(amount: Money) -> Entry:
    """Customer credit pays what is owed."""
    return _moved(Account.CUSTOMER_CREDIT, Account.RECEIVABLE, amount)


def revenue_recognized(amount: Money) -> Entry:
    """What was billed before has been delivered, or, when negative, is given back undelivered."""
    return _moved(Account.DEFERRED, Account.REVENUE, amount)


def reversal(entry: Iterable[Transfer]) -> Entry:
    """The entry that undoes another."""
    return tuple(Transfer(transfer.credit, transfer.debit, transfer.amount) for transfer in entry)


def applicable_credit(owed: Money, credit: Money) -> Money:
    """How much of a customer's credit pays an invoice: never more than there is, or is owed."""
    return max(min(owed, credit), Money(0, owed.currency))


def refundable(given_back: Money, paid: Money, used: Money) -> Money:
    """How much of a credit note can be paid out: only what was paid beyond what was used."""
    return max(min(given_back, paid - used), Money(0, paid.currency))


def balances(transfers: Iterable[Transfer]) -> dict[tuple[Account, str], Money]:
    """Each account's debits less its credits, by currency; together they are zero."""
    sums: dict[tuple[Account, str], Money] = {}
    for transfer in transfers:
        for account, amount in ((transfer.debit, transfer.amount), (transfer.credit, -transfer.amount)):
            place = (account, amount.currency)
            sums[place] = sums.get(place, Money(0, amount.currency)) + amount
    return sums


def _owed(by: Account, sums: Sums) -> Entry:
    return (
        *_moved(by, Account.DEFERRED, sums.deferred),
        *_moved(by, Account.REVENUE, sums.earned),
        *_moved(by, Account.TAX, sums.tax),
    )


def _moved(debit: Account, credit: Account, amount: Money) -> Entry:
    """One transfer; the other way around for a negative amount, and none for nothing."""
    if not amount:
        return ()
    return (Transfer(debit, credit, amount) if amount.minor > 0 else Transfer(credit, debit, -amount),)
