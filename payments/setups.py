"""Setups: how somebody saves a payment method, without its number ever reaching us.

We ask the rail for a setup intent; the front end finishes it with the rail's own
fields, by its client secret; then the rail tells us what was saved.
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel import ids
from kernel.errors import InvalidInput, Unavailable
from kernel.sealing import seal
from kernel.work import Work
from payments import customers, events, methods, queries
from payments.attempts import Presence
from payments.availability import savable
from payments.rail.errors import RailError
from payments.rail.opening import Rail
from payments.rail.values import Method, Setup
from payments.states import PaymentMethodKind, SetupState
from payments.tables import PaymentSetup

_STATES = {
    "requires_payment_method": SetupState.OPEN,
    "requires_confirmation": SetupState.OPEN,
    "requires_action": SetupState.OPEN,
    "processing": SetupState.OPEN,
    "succeeded": SetupState.SUCCEEDED,
    "canceled": SetupState.CANCELED,
}


async def begin(
    work: Work,
    account_id: int,
    kinds: Sequence[PaymentMethodKind],
    presence: Presence,
    *,
    default: bool,
    subscription_id: int | None,
) -> PaymentSetup:
    """Write down that somebody is about to save a payment method; `prepare` asks the rail then. Raises InvalidInput."""
    if not kinds:
        raise InvalidInput("Name at least one kind of payment method.")
    setup = PaymentSetup(
        account_id=account_id,
        id=work.new_id(),
        kinds=[kind.value for kind in kinds],
        state=SetupState.CREATED,
        makes_default=default,
        subscription_id=subscription_id,
        ip=presence.ip,
        device=presence.device,
        created_at=work.now,
    )
    work.add(setup)
    await work.flush()
    work.emit(events.SetupStarted(account_id, setup.id), setup)
    return setup


async def read(work: Work, account_id: int, setup_id: int) -> PaymentSetup:
    """A setup as we know it. Raises NotFound."""
    return await queries.setup(work, account_id, setup_id)


def chosen(country: str, currency: str, wanted: Sequence[PaymentMethodKind] | None) -> list[PaymentMethodKind]:
    """The kinds that a setup offers: those asked for, or all that the account may save. Raises InvalidInput."""
    may = savable(country, currency)
    beyond = [kind.name for kind in wanted or () if kind not in may]
    if beyond:
        names = ", ".join(kind.name for kind in may)
        raise InvalidInput(f"This account can't save {beyond[0]} for payments in {currency}. It can save: {names}.")
    return list(dict.fromkeys(wanted or may))


async def prepare(work: Work, rail: Rail, account_id: int, setup_id: int) -> None:
    """Ask the rail for the setup intent of what was written down. Opens transactions. Raises Unavailable."""
    try:
        customer = await customers.ensure(work, rail, account_id, urgent=True)
        async with work.transaction():
            await work.bind(account_id)
            kinds = (await queries.setup(work, account_id, setup_id)).kinds
        marks = customers.marks(rail, account_id, gw_setup=ids.encode("setup", setup_id))
        made = await rail.methods.set_up(customer, marks, key=f"{rail.installation}-setup-{setup_id}", kinds=kinds)
    except RailError as error:
        async with work.transaction():
            await work.bind(account_id)
            await _settle(work, await queries.setup(work, account_id, setup_id), SetupState.CANCELED, None)
        raise Unavailable("Payment methods can't be saved just now. Try again in a moment.") from error
    async with work.transaction():
        await work.bind(account_id)
        setup = await queries.setup(work, account_id, setup_id)
        setup.rail_id, setup.secret, setup.state = made.id, seal(made.client_secret).encode(), SetupState.OPEN


async def look(work: Work, rail: Rail, account_id: int, setup_id: int, *, urgent: bool) -> None:
    """See how far a setup is, and keep the payment method if it has one. Opens transactions. Raises Unavailable."""
    async with work.transaction():
        await work.bind(account_id)
        setup = await queries.setup(work, account_id, setup_id)
    if setup.rail_id is None or setup.state in {SetupState.SUCCEEDED, SetupState.CANCELED}:
        return
    try:
        told = await rail.methods.setup(setup.rail_id, urgent=urgent)
        method = await rail.methods.look(told.method, urgent=urgent) if told.method else None
    except RailError as error:
        raise Unavailable("What became of this payment method can't be told just now. Try again soon.") from error
    async with work.transaction():
        await work.bind(account_id)
        await learn(work, account_id, setup_id, told, method)


async def learn(work: Work, account_id: int, setup_id: int, told: Setup, method: Method | None) -> None:
    """Write down what became of a setup; the same again changes nothing."""
    setup = await queries.setup(work, account_id, setup_id)
    if setup.state in {SetupState.SUCCEEDED, SetupState.CANCELED}:
        return
    state = _STATES.get(told.status, SetupState.OPEN)
    if state is SetupState.OPEN:
        if told.error and setup.decline_code != (told.error.reason or told.error.code):
            await _settle(work, setup, SetupState.FAILED, told.error.reason or told.error.code)
        return
    if state is SetupState.SUCCEEDED and method is None:
        return
    await _settle(work, setup, state, None, method)


async def _settle(
    work: Work, setup: PaymentSetup, state: SetupState, decline: str | None, method: Method | None = None
) -> None:
    setup.state, setup.decline_code, setup.settled_at = state, decline, work.now
    if method is None:
        await work.flush()
        work.emit(events.SetupFailed(setup.account_id, setup.id), setup)
        return
    presence = Presence(ip=setup.ip, device=setup.device)
    saved = await methods.save(work, setup.account_id, method, presence, default=setup.makes_default)
    setup.payment_method_id = saved.id
    if setup.subscription_id is not None:
        await queries.choose(work, setup.account_id, setup.subscription_id, saved.id)
    await work.flush()
    work.emit(events.SetupSucceeded(setup.account_id, setup.id, saved.id), setup)
