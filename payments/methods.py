"""Payment methods: saved, chosen, renewed by banks, and let go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from kernel.errors import Problem
from kernel.work import Work
from payments import events, queries
from payments.attempts import Presence, check_usable
from payments.rail.errors import RailError
from payments.rail.opening import Rail
from payments.rail.values import Method
from payments.states import PaymentMethodKind
from payments.tables import PaymentMethod

EXPIRES_SOON = timedelta(days=31)
"""How long before it works no more the owner of a payment method is told."""
_KINDS = {kind.value: kind for kind in PaymentMethodKind}

log = structlog.get_logger("payments.methods")


@dataclass(eq=False)
class PaymentMethodInUse(Problem):
    """A payment by this method is under way."""

    says = "A payment by this payment method is under way. Remove it when that has ended."


async def save(work: Work, account_id: int, told: Method, presence: Presence, *, default: bool) -> PaymentMethod:
    """Keep what a person recognizes a payment method by; the first one of an account is its default."""
    known = await queries.method_named(work, account_id, told.id)
    if known:
        return known
    default = default or await queries.default_method(work, account_id) is None
    method = PaymentMethod(
        account_id=account_id,
        id=work.new_id(),
        kind=_KINDS.get(told.kind, PaymentMethodKind.OTHER),
        brand=told.brand,
        last4=told.last4,
        expires_on=told.expires_on,
        rail_id=told.id,
        created_at=work.now,
        wallet=told.wallet,
        country=told.country,
        fingerprint=told.fingerprint,
        ip=presence.ip,
        device=presence.device,
    )
    if default:
        await _make_default(work, method)
    work.add(method)
    await work.flush()
    work.emit(events.PaymentMethodAdded(account_id, method.id), method)
    return method


async def choose(work: Work, account_id: int, method_id: int, subscription_id: int | None) -> PaymentMethod:
    """Charge this method from now on: for one subscription, or for all without a choice of their own.

    Raises NotFound or PaymentMethodUnusable.
    """
    method = await queries.method(work, account_id, method_id)
    check_usable(method)
    if subscription_id is None:
        await _make_default(work, method)
    else:
        await queries.choose(work, account_id, subscription_id, method_id)
    await work.flush()
    work.emit(events.PaymentMethodChosen(account_id, method_id, subscription_id), method)
    return method


async def detach(work: Work, account_id: int, method_id: int) -> PaymentMethod:
    """Charge this method never again. Raises NotFound, PaymentMethodUnusable or PaymentMethodInUse."""
    method = await queries.method(work, account_id, method_id)
    check_usable(method)
    if await queries.charged_by(work, account_id, method_id):
        raise PaymentMethodInUse
    _let_go(work, method)
    await queries.forget_choices(work, account_id, method_id)
    await work.flush()
    work.emit(events.PaymentMethodDetached(account_id, method_id), method)
    return method


async def detach_at_rail(rail: Rail, method: PaymentMethod) -> None:
    """Let the rail forget a method that was detached here; here it stays detached, whatever the rail says."""
    try:
        await rail.methods.detach(method.rail_id, key=f"{rail.installation}-detach-{method.id}", urgent=True)
    except RailError as error:
        log.info("the rail keeps a method that we let go", kind=type(error).__name__, says=str(error))


async def update(work: Work, method: PaymentMethod, told: Method) -> None:
    """The bank has renewed a card."""
    news = {"brand": told.brand, "last4": told.last4, "expires_on": told.expires_on, "fingerprint": told.fingerprint}
    changed = {name: value for name, value in news.items() if value and getattr(method, name) != value}
    if not changed or method.detached_at:
        return
    for name, value in changed.items():
        setattr(method, name, value)
    await work.flush()
    work.emit(events.PaymentMethodUpdated(method.account_id, method.id), method)


async def gone(work: Work, method: PaymentMethod) -> None:
    """The rail has let go of a method: nothing can be charged by it any more."""
    if method.detached_at:
        return
    _let_go(work, method)
    await queries.forget_choices(work, method.account_id, method.id)
    await work.flush()
    work.emit(events.PaymentMethodDetached(method.account_id, method.id), method)


async def revoked(work: Work, method: PaymentMethod) -> None:
    """Its owner took the permission to debit it back: it can be seen, and not charged any more."""
    if method.detached_at or method.revoked_at:
        return
    method.revoked_at, method.is_default = work.now, False
    await queries.forget_choices(work, method.account_id, method.id)
    await work.flush()
    work.emit(events.PaymentMethodRevoked(method.account_id, method.id), method)


async def warn(work: Work, account_id: int, method_id: int) -> None:
    """Tell once that a method is about to expire."""
    method = await queries.method(work, account_id, method_id)
    if method.detached_at or method.expires_on is None or method.warned_of == method.expires_on:
        return
    method.warned_of = method.expires_on
    await work.flush()
    work.emit(events.PaymentMethodExpiring(account_id, method_id, method.expires_on), method)


def _let_go(work: Work, method: PaymentMethod) -> None:
    method.detached_at, method.is_default = work.now, False


async def _make_default(work: Work, method: PaymentMethod) -> None:
    known = await queries.default_method(work, method.account_id)
    if known and known.id != method.id:
        known.is_default = False
        # The constraint allows one default, so the former goes first.
        await work.flush()
    method.is_default = True
