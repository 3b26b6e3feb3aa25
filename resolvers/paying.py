"""Payment methods: what an account may pay with, and how one is saved, chosen and removed."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from strawberry import ID, UNSET

from auth import queries as people
from auth.policy import Permission
from kernel.errors import NotFound
from kernel.money import exponent
from payments import availability, methods, setups
from payments.attempts import Presence
from payments.tables import PaymentMethod, PaymentMethodKind, PaymentSetup
from resolvers.info import Context, Info


def options(row: Any, info: Any, currency: str | None = None) -> Any:
    """What an account may pay with, in its own currency unless another is named."""
    del info
    wanted = row.currency if currency in {None, UNSET} else str(currency)
    exponent(wanted)
    return availability.available(row.country, wanted)


async def set_up_payment_method(
    info: Info,
    account: Annotated[ID, "Whose it will be."],
    kinds: Annotated[
        list[PaymentMethodKind] | None, "Which kinds to offer; all that it may save when left out."
    ] = None,
    default: Annotated[bool, "Whether it is charged from now on unless another is named."] = True,
    subscription: Annotated[ID | None, "A subscription that is paid with it from now on."] = None,
) -> PaymentSetup:
    """Begin to save a payment method. Stripe's script on your page finishes it with the client secret."""
    context = info.context
    found = await context.permitted(Permission.BUY, "account", account)
    rail, work = context.rail, context.work
    chosen = await _subscription(context, found.id, subscription)
    paying = await people.account(work, found.id)
    offered = setups.chosen(paying.country, paying.currency, kinds)
    setup = await setups.begin(
        work, found.id, offered, presence(context), default=default and chosen is None, subscription_id=chosen
    )
    context.afterwards.append(partial(setups.prepare, work, rail, found.id, setup.id))
    return setup


async def check_payment_method_setup(
    info: Info, setup: Annotated[ID, "Which setup, once your page has finished it."]
) -> PaymentSetup:
    """See what became of a setup, without waiting for the rail to tell us."""
    context = info.context
    found = await context.permitted(Permission.BUY, "setup", setup)
    rail, work = context.rail, context.work
    context.afterwards.append(partial(setups.look, work, rail, found.account_id, found.id, urgent=True))
    return await setups.read(work, found.account_id, found.id)


async def choose_payment_method(
    info: Info,
    payment_method: Annotated[ID, "Which payment method."],
    subscription: Annotated[ID | None, "For this subscription alone; left out, wherever no other was chosen."] = None,
) -> PaymentMethod:
    """Charge this payment method from now on."""
    context = info.context
    found = await context.permitted(Permission.BUY, "pm", payment_method)
    chosen = await _subscription(context, found.account_id, subscription)
    return await methods.choose(context.work, found.account_id, found.id, chosen)


async def remove_payment_method(info: Info, payment_method: Annotated[ID, "Which payment method."]) -> PaymentMethod:
    """Charge a payment method never again. Save it anew to use it again."""
    context = info.context
    found = await context.permitted(Permission.BUY, "pm", payment_method)
    removed = await methods.detach(context.work, found.account_id, found.id)
    context.afterwards.append(partial(methods.detach_at_rail, context.rail, removed))
    return removed


def presence(context: Context, return_url: str | None = None) -> Presence:
    """Who pays, from where, as this request knows it."""
    origin = context.work.origin
    return Presence(context.actor.person_id, origin.ip, origin.device, return_url)


async def _subscription(context: Context, account_id: int, text: str | None) -> int | None:
    """A subscription of this account. Raises NotFound for another's."""
    if text is None:
        return None
    found = await context.found("sub", text)
    if found.account_id != account_id:
        raise NotFound
    return int(found.id)
