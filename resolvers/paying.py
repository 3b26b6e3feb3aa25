"""Payment methods: what an account may pay with, and how one is saved, chosen and removed."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from strawberry import ID, UNSET

from auth import queries as people
from auth.policy import Permission
from billing import invoice_queries, paying
from kernel.errors import InvalidInput, NotFound
from kernel.money import exponent
from payments import attempts, availability, methods, pursuit, queries, setups
from payments.attempts import Presence
from payments.states import PaymentMethodKind, PaymentSource
from payments.tables import Payment, PaymentMethod, PaymentSetup
from resolvers.amounts import Long
from resolvers.info import Context, Info

LONGEST_URL = 2_000
_URL = re.compile(r"https://[!-~]+|http://(127\.0\.0\.1|localhost|\[::1\])([:/][!-~]*)?")


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


async def pay_invoices(
    info: Info,
    invoices: Annotated[list[ID], "Which invoices: 1 to 50 of one account, in one currency."],
    payment_method: Annotated[ID | None, "What to charge; what is charged for the first of them when left out."] = None,
    on_page: Annotated[
        bool, "Whether the payer names a payment method in Stripe's fields on your page instead."
    ] = False,
    amount: Annotated[Long | None, "Less than all that is owed on one invoice, in minor units."] = None,
    return_url: Annotated[str | None, "Where a bank sends the payer back to; left out, your page asks them."] = None,
) -> Payment:
    """Pay invoices now. Where the payer's bank wants to ask them, `requiresAction` says how your page goes on."""
    context = info.context
    account_id, numbers = await _invoices(context, invoices, Permission.BUY)
    rail, work = context.rail, context.work
    method = None if on_page else await _method(context, account_id, payment_method, numbers)
    if method is None and not on_page:
        raise attempts.PaymentMethodUnusable("is missing: none was named, and the account has no default")
    payment = await paying.pay(
        work, account_id, numbers, method=method, amount_minor=amount, presence=presence(context, return_url)
    )
    context.afterwards.append(partial(pursuit.pursue, work, rail, account_id, payment.id, urgent=True))
    return payment


async def check_payment(
    info: Info, payment: Annotated[ID, "Which payment, once your page has finished it."]
) -> Payment:
    """See what became of a payment, without waiting for the rail to tell us."""
    context = info.context
    found = await context.permitted(Permission.BUY, "pay", payment)
    rail, work = context.rail, context.work
    context.afterwards.append(partial(pursuit.pursue, work, rail, found.account_id, found.id, urgent=True))
    return await queries.payment(work, found.account_id, found.id)


async def record_payment(
    info: Info,
    invoices: Annotated[list[ID], "Which invoices: 1 to 50 of one account, in one currency."],
    source: Annotated[PaymentSource, "Which way it came; not through the rail."],
    reference: Annotated[str, "How to find it again, such as the line of a bank statement."],
    amount: Annotated[Long | None, "Less than all that is owed on one invoice, in minor units."] = None,
) -> Payment:
    """Write down money that came another way, such as a bank transfer. For our own Finance."""
    context = info.context
    account_id, numbers = await _invoices(context, invoices, Permission.ADJUST)
    return await paying.record(
        context.work,
        account_id,
        numbers,
        amount_minor=amount,
        source=source,
        reference=reference,
        presence=presence(context),
    )


def presence(context: Context, return_url: str | None = None) -> Presence:
    """Who pays, from where, as this request knows it. Raises InvalidInput for a URL that a browser should not open."""
    origin = context.work.origin
    if return_url is not None and (len(return_url) > LONGEST_URL or not _URL.fullmatch(return_url)):
        raise InvalidInput(
            f"A return URL is https and at most {LONGEST_URL:,} characters, such as https://app.example."
        )
    return Presence(context.actor.person_id, origin.ip, origin.device, return_url)


async def _subscription(context: Context, account_id: int, text: str | None) -> int | None:
    """A subscription of this account. Raises NotFound for another's."""
    if text is None:
        return None
    found = await context.found("sub", text)
    if found.account_id != account_id:
        raise NotFound
    return int(found.id)


async def _invoices(context: Context, texts: list[ID], permission: Permission) -> tuple[int, list[int]]:
    """The account of these invoices, on which the actor holds a permission, and their numbers."""
    if not texts:
        raise InvalidInput("Name the invoices.")
    first = await context.permitted(permission, "inv", texts[0])
    numbers = [int(first.id)]
    for text in texts[1 : paying.MOST_INVOICES + 1]:
        found = await context.found("inv", text)
        if found.account_id != first.account_id:
            raise InvalidInput("These invoices are of several accounts. Pay those of one account at a time.")
        numbers.append(int(found.id))
    return int(first.account_id), numbers


async def _method(context: Context, account_id: int, text: str | None, numbers: list[int]) -> PaymentMethod | None:
    """The payment method that is named, or the one that the first invoice is charged by."""
    if text is None:
        invoice = await invoice_queries.invoice(context.work, account_id, numbers[0])
        return await queries.method_for(context.work, account_id, invoice.subscription_id)
    found = await context.found("pm", text)
    if found.account_id != account_id:
        raise NotFound
    return await queries.method(context.work, account_id, int(found.id))
