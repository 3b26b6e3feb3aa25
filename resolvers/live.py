"""What can be followed, and who may follow it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from strawberry import ID, argument

from auth.policy import Permission
from kernel import ids, pages
from kernel.errors import InvalidInput, NotFound, Unavailable
from resolvers.following import Kind, Wanted
from resolvers.graph import FACES
from resolvers.info import Context, Info

_Only = Annotated[ID | None, argument(description="Only this one.")]
_After = Annotated[
    str | None,
    argument(description="The cursor of the last change you know: what has happened since is told first."),
]

INVOICES = Kind("Invoice", "invoice", Permission.SEE_INVOICES)
PAYMENTS = Kind("Payment", "payment", Permission.SEE_BILLING)
SUBSCRIPTIONS = Kind("Subscription", "subscription", Permission.SEE_BILLING)
SEATS = Kind("Seat", "seat", Permission.SEE_SEATS)
RECORDS = Kind("AuditRecord", "audit", Permission.SEE_AUDIT, chained=True)


async def invoice_changed(
    info: Info,
    account: Annotated[ID, argument(description="Whose invoices.")],
    invoice: _Only = None,
    after: _After = None,
) -> Any:
    """Follow the invoices of an account."""
    return await _follow(info, INVOICES, ids.decode("account", account), invoice, after)


async def payment_changed(
    info: Info,
    account: Annotated[ID, argument(description="Whose payments.")],
    payment: _Only = None,
    after: _After = None,
) -> Any:
    """Follow the payments of an account."""
    return await _follow(info, PAYMENTS, ids.decode("account", account), payment, after)


async def subscription_changed(
    info: Info,
    account: Annotated[ID, argument(description="Whose subscriptions.")],
    subscription: _Only = None,
    after: _After = None,
) -> Any:
    """Follow the subscriptions of an account."""
    return await _follow(info, SUBSCRIPTIONS, ids.decode("account", account), subscription, after)


async def seat_changed(
    info: Info,
    workspace: Annotated[ID, argument(description="Whose seats.")],
    seat: _Only = None,
    after: _After = None,
) -> Any:
    """Follow the seats of a workspace."""
    return await _follow(info, SEATS, ids.decode("workspace", workspace), seat, after)


async def audit_recorded(
    info: Info,
    account: Annotated[ID, argument(description="Whose audit log.")],
    action: Annotated[str | None, argument(description="Only this action, such as `seat.assigned`.")] = None,
    after: _After = None,
) -> Any:
    """Follow the audit log of an account. A cursor counts for as long as there is a record: for good."""
    return await _follow(info, RECORDS, ids.decode("account", account), None, after, action)


async def _follow(
    info: Info, kind: Kind, account_id: int, only: str | None, after: str | None, event: str | None = None
) -> Any:
    """The changes of a kind in an account, once it is decided that the actor may follow them. Raises a Fault."""
    context = info.context
    context.actor.require(kind.permission, account_id)
    wanted = Wanted(kind, account_id, await _number(context, kind, account_id, only), event=event)
    if after is not None:
        wanted = replace(wanted, after=_place(wanted.stream, after))
    if context.feed is None:
        raise Unavailable("Nothing can be followed here.")
    # The feed asks on a connection of its own: many who each held one and waited for another would wait for good.
    await context.work.rest()
    return await context.feed.follow(wanted)


async def _number(context: Context, kind: Kind, account_id: int, only: str | None) -> int | None:
    """The number of the one thing that is followed. Raises InvalidInput, or NotFound for another account's."""
    if only is None:
        return None
    prefix = FACES[kind.face].prefix
    assert prefix, "what can be followed is a node"
    row = await context.found(prefix, only)
    if row["account_id"] != account_id:
        raise NotFound
    return int(row["id"])


def _place(stream: str, cursor: str) -> int:
    """The place that a cursor holds. Raises InvalidInput."""
    match pages.read(stream, cursor):
        case (int(position),) if 0 <= position < 2**63:
            return position
    raise InvalidInput("That is not a cursor of ours.")
