"""What happens to subscriptions and the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class SubscriptionStarted(Event):
    """An account subscribed to a plan."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionImported(Event):
    """A subscription came over from Stripe Billing, with the period that is paid there."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionCancelScheduled(Event):
    """A subscription will end with its period."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionCanceled(Event):
    """A subscription ended."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionChanged(Event):
    """A subscription has another price or quantity."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionRenewed(Event):
    """Another period of a subscription began."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionDiscountApplied(Event):
    """A discount was granted to a subscription."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionDiscountRemoved(Event):
    """A discount was taken away from a subscription."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class InvoiceDrafted(Event):
    """An invoice was drafted."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceFinalized(Event):
    """An invoice has its number, and is owed."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceImported(Event):
    """An open invoice came over from Stripe Billing, and is collected here."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoicePaid(Event):
    """Nothing is owed on an invoice any more."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoicePartPaid(Event):
    """Some of what an invoice asks for was paid."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class SubscriptionPoliciesShown(Event):
    """Terms were shown to the customer before they bought."""

    subject: ClassVar[str] = "subscription"
    subscription: int
    policies: tuple[str, ...]
    """Each kind with its version: `cancellation 2026-03`."""


@dataclass(frozen=True)
class InvoiceDunningStarted(Event):
    """An invoice is not paid, and steps follow until it is."""

    subject: ClassVar[str] = "invoice"
    invoice: int
    course: str
    """What the steps are chosen by: `never`, `ask`, `schedule`, `technical` or `sent`."""


@dataclass(frozen=True)
class InvoiceDunningChanged(Event):
    """Other steps follow an unpaid invoice, for it was declined again, or the customer has another payment method."""

    subject: ClassVar[str] = "invoice"
    invoice: int
    course: str


@dataclass(frozen=True)
class InvoiceReminded(Event):
    """The customer is to be told that an invoice is unpaid, and what to do."""

    subject: ClassVar[str] = "invoice"
    invoice: int
    course: str
    reminder: int
    """The first one is 1."""


@dataclass(frozen=True)
class InvoiceDunningPaused(Event):
    """Our staff let nothing follow an unpaid invoice for a while."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceDunningResumed(Event):
    """The steps of an unpaid invoice go on after a pause."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceDunningStepSkipped(Event):
    """Our staff passed over a step of an unpaid invoice."""

    subject: ClassVar[str] = "invoice"
    invoice: int
    step: str
    """`charge`, `remind` or `take_access`."""


@dataclass(frozen=True)
class InvoiceDunningSettled(Event):
    """Nothing is owed any more on an invoice that was unpaid."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceDunningEnded(Event):
    """Every step after an unpaid invoice was in vain."""

    subject: ClassVar[str] = "invoice"
    invoice: int
    end: str
    """`canceled`, `unpaid` or `uncollectible`."""

    subscriptions: tuple[int, ...] = ()
    """What it billed."""


@dataclass(frozen=True)
class SubscriptionOverdue(Event):
    """An invoice of a subscription could not be collected so far."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionRestored(Event):
    """What a subscription owed was paid."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionAccessTaken(Event):
    """A subscription gives no access until what it owes is paid."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionAccessGiven(Event):
    """A subscription gives access again."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class InvoiceVoided(Event):
    """An invoice was taken back, or a draft discarded."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceAbandoned(Event):
    """What an invoice asks for was given up as lost."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceRecovered(Event):
    """Money came for an invoice that had been given up."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class CreditNoteIssued(Event):
    """An invoice gave something back; what is to be refunded waits for the rail."""

    subject: ClassVar[str] = "credit_note"
    credit_note: int
    invoice: int


@dataclass(frozen=True)
class CreditGranted(Event):
    """An account has more credit for invoices to come."""

    subject: ClassVar[str] = "entry"
    entry: int


@dataclass(frozen=True)
class ApprovalRequested(Event):
    """Somebody wants to give away more than one person may."""

    subject: ClassVar[str] = "approval"
    approval: int


@dataclass(frozen=True)
class ApprovalGiven(Event):
    """A second person consented."""

    subject: ClassVar[str] = "approval"
    approval: int


@dataclass(frozen=True)
class ApprovalUsed(Event):
    """What a second person consented to was done."""

    subject: ClassVar[str] = "approval"
    approval: int


@dataclass(frozen=True)
class BillingSettingsChanged(Event):
    """An account is billed in another way from now on."""

    subject: ClassVar[str] = "account"
    account: int


@dataclass(frozen=True)
class ChangeScheduled(Event):
    """A change will take effect at the end of the period."""

    subject: ClassVar[str] = "change"
    change: int
    subscription: int


@dataclass(frozen=True)
class ChangeWithdrawn(Event):
    """A scheduled change was taken back."""

    subject: ClassVar[str] = "change"
    change: int
    subscription: int


@dataclass(frozen=True)
class SubscriptionReactivated(Event):
    """A cancellation was taken back."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class UsageRecorded(Event):
    """Reports of use were recorded."""

    subject: ClassVar[str] = "usage"
    usage: int


@dataclass(frozen=True)
class UsageVoided(Event):
    """A report of use was taken back."""

    subject: ClassVar[str] = "usage"
    usage: int


@dataclass(frozen=True)
class UsageThresholdReached(Event):
    """So many percent of what a plan allows or includes of a meter are used; told once in a period."""

    subject: ClassVar[str] = "subscription"
    subscription: int
    item: int
    percent: int


@dataclass(frozen=True)
class SubscriptionHeld(Event):
    """Nothing more of a subscription is billed until a person has looked at it."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionReleased(Event):
    """A person has looked at it, and it is billed on."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionLimited(Event):
    """The contract says another most that one invoice may ask for."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class DiscrepancyFound(Event):
    """What we say and what the rail says differ."""

    subject: ClassVar[str] = "discrepancy"
    discrepancy: int


@dataclass(frozen=True)
class DiscrepancyMended(Event):
    """They agree: what was missed is heard, or more was told."""

    subject: ClassVar[str] = "discrepancy"
    discrepancy: int


@dataclass(frozen=True)
class DiscrepancyResolved(Event):
    """A person has dealt with it."""

    subject: ClassVar[str] = "discrepancy"
    discrepancy: int


@dataclass(frozen=True)
class BulkExportStarted(Event):
    """Somebody takes a list home."""

    subject: ClassVar[str] = "bulk_export"
    bulk_export: int


@dataclass(frozen=True)
class BulkExportDone(Event):
    """All of a list was written."""

    subject: ClassVar[str] = "bulk_export"
    bulk_export: int


@dataclass(frozen=True)
class BulkExportFailed(Event):
    """An export can't go on."""

    subject: ClassVar[str] = "bulk_export"
    bulk_export: int


@dataclass(frozen=True)
class BulkExportStopped(Event):
    """Somebody stopped an export."""

    subject: ClassVar[str] = "bulk_export"
    bulk_export: int
