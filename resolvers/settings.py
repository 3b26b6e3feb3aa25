"""How an account is billed, set by whoever buys for it, or by our Finance with a reason."""

from __future__ import annotations

from typing import Annotated

from strawberry import ID

from auth.policy import Permission
from auth.tables import Account
from billing import settings
from billing.collecting import SeatCollection
from billing.states import Collection
from billing.terms import Terms
from resolvers.info import Info


async def update_billing_settings(
    info: Info,
    account: Annotated[ID, "Whose: a person's own account, or a workspace's."],
    name: Annotated[str | None, "The name on invoices."] = None,
    email: Annotated[str | None, "Where invoices go."] = None,
    address: Annotated[list[str] | None, "The lines of the address on invoices: up to 6; no line removes it."] = None,
    country: Annotated[str | None, "Where it is, as ISO 3166 writes it; taxes follow from it."] = None,
    vat_id: Annotated[str | None, "The VAT id of a business, checked; an empty text removes it."] = None,
    po_number: Annotated[
        str | None, "The purchase order that invoices to come print; an empty text removes it."
    ] = None,
    net_days: Annotated[int | None, "Days from an invoice to its due date: up to 30; Finance agrees to 365."] = None,
    grace_hours: Annotated[
        int | None, "How long an invoice stays a draft, to look at: up to 72 hours; Finance agrees to 720."
    ] = None,
    collection: Annotated[Collection | None, "How invoices are paid; Finance agrees to pay by invoice."] = None,
    seat_collection: Annotated[SeatCollection | None, "When seats that are bought within a period are billed."] = None,
    one_invoice: Annotated[
        bool | None, "Whether subscriptions that fall due on one day are billed on one invoice."
    ] = None,
    locale: Annotated[str | None, "The language of invoices to come, such as `de` or `fr-CH`."] = None,
    time_zone: Annotated[
        str | None, "The IANA zone its dates are counted in. What runs already keeps the zone it began in."
    ] = None,
) -> Account:
    """Set how an account is billed from now on. What is left out stays as it is, and what was issued too."""
    context = info.context
    found = await context.permitted(Permission.BUY, "account", account)
    wanted = Terms(
        name=name,
        email=email,
        address=address,
        country=country,
        vat_id=vat_id,
        po_number=po_number,
        net_days=net_days,
        grace_hours=grace_hours,
        collection=None if collection is None else collection.value,
        seat_collection=None if seat_collection is None else seat_collection.value,
        one_invoice=one_invoice,
        locale=locale,
        time_zone=time_zone,
    )
    by_finance = context.actor.may(Permission.ADJUST, found.id)
    return await settings.change(context.work, found.id, wanted, by_finance=by_finance)
