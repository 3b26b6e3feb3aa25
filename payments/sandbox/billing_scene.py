"""A Stripe Billing account to import from: prices, customers and subscriptions with everything that traps a reader.

Its prices are those of the product's own catalog, and a few that are not. Periods began ten days ago, by the
sandbox's clock, so that the next ones begin in two or three weeks.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from payments.sandbox import billing, methods
from payments.sandbox.books import Books
from payments.sandbox.objects import Body

_AGO = timedelta(days=10)
_MONTHS = {"month": 1, "year": 12}
_TAX = {
    "id": "txr_de",
    "object": "tax_rate",
    "display_name": "VAT",
    "inclusive": False,
    "percentage": 19,
    "country": "DE",
    "active": True,
    "created": 1,
    "livemode": False,
}
_VAT_ID = {"id": "txi_team", "customer": "cus_team", "type": "eu_vat", "value": "DE136695976", "country": "DE"}
_STATES = ("past_due", "unpaid", "incomplete", "incomplete_expired", "canceled", "paused")
_CUSTOMERS: dict[str, Body] = {
    "team": {
        "name": "Acme GmbH",
        "address": {"line1": "Torstraße 1", "postal_code": "10119", "city": "Berlin", "country": "DE"},
        "balance": -1500,
        "currency": "eur",
    },
    "pro": {"name": "Grace Hopper", "address": {"country": "US"}, "metadata": {"user": "grace"}},
    "trial": {"name": "Alan Turing"},
    "states": {"name": "Many States"},
    "scheduled": {"name": "Later Ltd"},
    "coupon": {"name": "Cheap Charly"},
    "taxed": {"name": "Steuer", "address": {"country": "DE"}},
    "metered": {"name": "Robot Inc"},
    "francs": {"name": "Zürich AG"},
    "owing": {"name": "Owing", "balance": 700, "currency": "usd"},
    "nameless": {"name": "No Address", "email": None},
    "mixed": {"name": "Mixed Periods"},
    "ending": {"name": "Leaving Soon"},
    "cheaper": {"name": "Old Friend"},
    "pausing": {"name": "Pausing"},
}


async def seed(books: Books, plain: int) -> dict[str, int]:
    """Put the account in the books, with so many further customers who have one card and the plain plan."""
    began = datetime.fromtimestamp(books.now, UTC) - _AGO
    scene = _Scene(began)
    counted = await billing.seed(books, scene.objects(plain))
    for name in ("team", "pro", "trial", "coupon", "taxed", "cheaper", *_plain(plain)):
        method = await methods.attach(books, {"customer": f"cus_{name}"}, "pm_card_visa")
        customer = await books.one("customer", f"cus_{name}")
        customer["invoice_settings"] = customer["invoice_settings"] | {"default_payment_method": method["id"]}
    return counted


class _Scene:
    """The objects, for periods that began at an instant."""

    def __init__(self, began: datetime) -> None:
        self.began = began

    def objects(self, plain: int) -> dict[str, list[Body]]:
        """Everything, by the plural of its kind."""
        names = [*_CUSTOMERS, *_plain(plain)]
        subscriptions = [*self._subscriptions(), *(self._sub(name, "pro") for name in _plain(plain))]
        return {
            "products": [
                {"id": f"prod_{name}", "name": told} for name, told in (("pro", "Pro"), ("team", "Enterprise Pro"))
            ],
            "prices": [self._price(name) for name in _PRICES],
            "tax_rates": [_TAX],
            "coupons": [{"id": "FRIENDS", "name": "Friends", "percent_off": 25, "duration": "repeating"}],
            "discounts": [self._discount()],
            "customers": [self._customer(name) for name in names] + [{"id": "cus_gone", "deleted": True}],
            "tax_ids": [_VAT_ID],
            "subscription_schedules": [self._schedule()],
            "subscriptions": subscriptions,
            "invoices": list(self._invoices()),
        }

    def _subscriptions(self) -> Iterator[Body]:
        team = {"collection_method": "send_invoice", "days_until_due": 30, "default_tax_rates": [_TAX]}
        yield self._sub("team", "team", 12, **team)
        yield self._sub("pro", "pro_year")
        yield self._trial()
        for state in _STATES:
            yield self._sub("states", "pro", status=state, id=f"sub_{state}")
        yield self._sub("scheduled", "pro", schedule="sub_sched_later")
        yield self._sub("coupon", "pro", discounts=["di_friends"])
        yield self._sub("taxed", "pro_eur", default_tax_rates=[_TAX])
        yield self._sub("metered", "searches", None)
        yield self._sub("francs", "francs")
        yield self._sub("owing", "pro")
        yield self._sub("nameless", "pro")
        yield self._mixed()
        yield self._sub("ending", "pro", cancel_at_period_end=True, cancel_at=self._end("month"))
        yield self._sub("cheaper", "cheaper")
        yield self._sub("pausing", "pro", pause_collection={"behavior": "void", "resumes_at": None})
        yield self._sub("gone", "pro", status="canceled")

    def _sub(self, name: str, price: str, quantity: int | None = 1, **more: Any) -> Body:
        priced = self._price(price)
        number = more.pop("id", f"sub_{name}")
        shown = {field: value for field, value in priced.items() if field != "tiers"}
        item: Body = {"id": f"si_{number}", "price": shown, "quantity": quantity, **self._period(priced)}
        item["plan"] = _plan(priced)
        facts: Body = {"billing_cycle_anchor": _seconds(self.began), "start_date": _seconds(self.began)}
        facts |= {"status": "active", "currency": priced["currency"], "customer": f"cus_{name}"}
        return {"id": number, "items": [item], **facts} | more

    def _trial(self) -> Body:
        made, ends = self._sub("trial", "pro", status="trialing"), _seconds(self.began + 2 * _AGO)
        made["items"][0]["current_period_end"] = ends
        return made | {"trial_end": ends, "trial_start": _seconds(self.began), "billing_cycle_anchor": ends}

    def _mixed(self) -> Body:
        monthly, yearly = self._sub("mixed", "pro"), self._sub("mixed", "pro_year", id="sub_mixed_year")
        return monthly | {"items": monthly["items"] + yearly["items"]}

    def _period(self, price: Body) -> Body:
        return {
            "current_period_start": _seconds(self.began),
            "current_period_end": self._end(price["recurring"]["interval"]),
        }

    def _end(self, interval: str) -> int:
        year, month = divmod(self.began.year * 12 + self.began.month - 1 + _MONTHS[interval], 12)
        day = min(self.began.day, monthrange(year, month + 1)[1])
        return _seconds(self.began.replace(year=year, month=month + 1, day=day))

    def _price(self, name: str) -> Body:
        product, currency, amount, interval, more = _PRICES[name]
        recurring: Body = {"interval": interval, "interval_count": 1, "meter": None, "usage_type": "licensed"}
        if name == "searches":
            recurring |= {"usage_type": "metered", "meter": "mtr_searches"}
        unit = {"unit_amount": amount, "unit_amount_decimal": None if amount is None else str(amount)}
        facts = {"id": f"price_{name}", "object": "price", "product": f"prod_{product}", "currency": currency}
        shown = {"active": True, "billing_scheme": "per_unit", "created": 1, "livemode": False, "type": "recurring"}
        return {**facts, **shown, **unit, "metadata": {}, "recurring": recurring, "nickname": None, **more}

    def _customer(self, name: str) -> Body:
        known = {"id": f"cus_{name}", "name": name, "email": f"{name}@customers.example"}
        return known | _CUSTOMERS.get(name, {})

    def _discount(self) -> Body:
        ends = _seconds(self.began + timedelta(days=150))
        source = {"type": "coupon", "coupon": "FRIENDS"}
        return {"id": "di_friends", "source": source, "start": _seconds(self.began), "end": ends}

    def _schedule(self) -> Body:
        half = self._end("month")
        phases = [{"start_date": _seconds(self.began), "end_date": half}, {"start_date": half, "end_date": half + 1}]
        facts = {"customer": "cus_scheduled", "subscription": "sub_scheduled", "status": "active"}
        return {"id": "sub_sched_later", "default_settings": {}, "phases": phases, **facts}

    def _invoices(self) -> Iterator[Body]:
        """What is owed: twelve seats with VAT on top, and a month that no card was there for."""
        seats = self._line("team", "team", 12, 48000) | {"taxes": [_taxed(9120, 48000)]}
        yield self._invoice("team", "sub_team", [seats], 57120) | {"collection_method": "send_invoice"}
        yield self._invoice("states", "sub_past_due", [self._line("states", "pro", 1, 2000)], 2000)

    def _invoice(self, name: str, subscription: str, lines: list[Body], total: int) -> Body:
        amounts = dict.fromkeys(("amount_due", "amount_remaining", "total"), total) | {"amount_paid": 0}
        details: Body = {"metadata": {}, "subscription": subscription, "subscription_proration_date": None}
        parent = {"type": "subscription_details", "subscription_details": details, "quote_details": None}
        facts = {"customer": f"cus_{name}", "status": "open", "number": f"{name.upper()}-0001", "auto_advance": True}
        facts |= {"currency": lines[0]["currency"], "subtotal": sum(line["amount"] for line in lines)}
        facts |= {"customer_name": _CUSTOMERS[name]["name"], "customer_email": f"{name}@customers.example"}
        facts |= {"customer_address": _CUSTOMERS[name].get("address")}
        spans = {"period_start": _seconds(self.began), "period_end": _seconds(self.began)}
        final = {"marked_uncollectible_at": None, "paid_at": None, "voided_at": None}
        when = {"created": _seconds(self.began), "status_transitions": final | {"finalized_at": _seconds(self.began)}}
        due = {"due_date": _seconds(self.began + timedelta(days=30))}
        return {"id": f"in_{name}", "parent": parent, "lines": lines, **facts, **spans, **when, **due, **amounts}

    def _line(self, name: str, price: str, quantity: int, amount: int) -> Body:
        priced = self._price(price)
        unit = {"type": "price_details", "unit_amount_decimal": str(amount // quantity)}
        details = {"price": priced["id"], "product": priced["product"]}
        period = self._period(priced)
        return {
            "id": f"il_{name}",
            "object": "line_item",
            "amount": amount,
            "subtotal": amount,
            "currency": priced["currency"],
            "description": f"{priced['product'].removeprefix('prod_').title()}, by the month",
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "livemode": False,
            "metadata": {},
            "period": {"start": period["current_period_start"], "end": period["current_period_end"]},
            "pricing": {**unit, "price_details": details},
            "quantity": quantity,
            "taxes": [],
        }


def _taxed(amount: int, base: int) -> Body:
    """A tax on top of a line, by the rate of the scene."""
    of = {"tax_rate_details": {"tax_rate": _TAX["id"]}, "type": "tax_rate_details", "tax_behavior": "exclusive"}
    return {"amount": amount, "taxable_amount": base, "taxability_reason": "standard_rated", **of}


def _plan(price: Body) -> Body:
    """A price as Stripe wrote it before there were prices; items still have it beside them."""
    same = ("id", "active", "billing_scheme", "created", "currency", "livemode", "metadata", "nickname", "product")
    amounts = {"amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"]}
    recurring = {name: price["recurring"][name] for name in ("interval", "interval_count", "meter", "usage_type")}
    unset = dict.fromkeys(("tiers_mode", "transform_usage", "trial_period_days"))
    return {**unset, **{name: price[name] for name in same}, **amounts, **recurring, "object": "plan"}


def _plain(count: int) -> list[str]:
    return [f"plain_{number:04}" for number in range(count)]


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _tiers(*steps: tuple[int | None, int]) -> Body:
    tiers = [
        {
            "up_to": up_to,
            "unit_amount": unit,
            "unit_amount_decimal": str(unit),
            "flat_amount": None,
            "flat_amount_decimal": None,
        }
        for up_to, unit in steps
    ]
    return {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers}


_PRICES: dict[str, tuple[str, str, int | None, str, Body]] = {
    "pro": ("pro", "usd", 2000, "month", {}),
    "pro_year": ("pro", "usd", 20000, "year", {}),
    "pro_eur": ("pro", "eur", 2000, "month", {}),
    "cheaper": ("pro", "usd", 1500, "month", {"active": False, "nickname": "Pro, 2019"}),
    "francs": ("pro", "chf", 2100, "month", {}),
    "team": ("team", "eur", None, "month", _tiers((249, 4000), (None, 3600))),
    "searches": ("pro", "usd", 1, "month", {}),
}
"""Product, currency, unit amount, interval, and whatever else a price says."""
