"""Saving: a payment method under an id that somebody knows already, as if it had been set up long ago.

A scene says what its people pay with, by kind and last digits. Here such an
instrument begins to exist, and behaves as Stripe's test instrument with these digits.
"""

from __future__ import annotations

from payments.sandbox import mandates, methods
from payments.sandbox.books import Books
from payments.sandbox.instruments import Instrument
from payments.sandbox.objects import Body
from payments.sandbox.refusals import invalid

_USUAL = {"card": "pm_card_visa", "sepa_debit": "pm_success_de", "us_bank_account": "pm_usBankAccount_success"}
_LOOKS = ("brand", "exp_month", "exp_year")


async def saved(books: Books, given: Body) -> Body:
    """The payment method of this id, saved to its customer now unless it is known. Raises Refused."""
    if not isinstance(given.get("id"), str) or given.get("type") not in _USUAL:
        raise invalid(f"A payment method has an `id` and a `type`: {', '.join(_USUAL)}.", "type")
    known = await books.maybe(given["id"])
    if known:
        return known
    customer = await books.one("customer", given.get("customer", ""), "customer", 400)
    kind = given["type"]
    instrument = like(kind, given.get("brand", ""), given.get("last4", ""))
    method = methods.made(books, instrument, id=given["id"])
    method[kind] |= {"last4": given.get("last4") or method[kind]["last4"]}
    if kind == "card":
        method[kind] |= {name: given[name] for name in _LOOKS if given.get(name)}
    methods.put(books, method, customer["id"])
    await mandates.ensured(books, method, {"mandate_data": {"customer_acceptance": {"type": "offline"}}})
    return method


def like(kind: str, brand: str, last4: str) -> Instrument:
    """The test instrument with these last digits, of that brand if there is one; else one that succeeds."""
    found = [made for made in methods.INSTRUMENTS.values() if made.type == kind and made.number[-4:] == last4]
    of_brand = [made for made in found if made.brand == brand]
    return next(iter([*of_brand, *found]), methods.INSTRUMENTS[_USUAL[kind]])
