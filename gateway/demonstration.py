"""The demo scene: people, a workspace and our own staff, as they may be after a year.

Ada, Grace, Alan and Katherine pay for themselves, and Katherine's bank is about to
say no: her card behaves as Stripe's test card with these digits does. Northwind Labs has two pools, people of every
role, seats in every state, and invitations that were answered in every way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.scenes import Scene

_DOMAIN = "northwind.example"
_OWNER = f"ines.marques@{_DOMAIN}"
_SSO = "https://sso.northwind.example"

_ROLES = {
    "Tomasz Wolski": "admin",
    "Priya Raman": "admin",
    "Jonas Keller": "seat_admin",
    "Amara Diallo": "seat_admin",
    "Sofie de Vries": "billing_admin",
    "Mateo Fuentes": "billing_admin",
    "Hana Novak": "auditor",
}
_MEMBERS = (
    *("Lin Chen", "Noor Haddad", "Felix Brandt", "Yuki Sato", "Elena Petrova", "Owen Hughes", "Zara Malik"),
    *("Luca Moretti", "Freya Larsen", "Kofi Mensah", "Clara Dubois", "Diego Herrera", "Maya Stein", "Ravi Patel"),
    *("Anna Kowalska", "Samuel Okafor", "Nina Weber", "Paulo Costa", "Ingrid Nilsen", "Marek Dvorak", "Leila Amini"),
    *("Hugo Martin", "Aiko Tanaka", "Oscar Lind", "Rosa Jimenez", "Viktor Horvat", "Emma Bakker", "Theo Laurent"),
    *("Selin Kaya", "Daniel Levi", "Mei Wong"),
)
"""With the owner and the roles above they are thirty-nine; one more accepted an invitation."""

_MAX = ("Lin Chen", "Felix Brandt", "Yuki Sato", "Elena Petrova", "Owen Hughes", "Zara Malik")
_SUSPENDED = ("Luca Moretti", "Paulo Costa")
_RELEASED = ("Rosa Jimenez", "Viktor Horvat")
_WAITING = ("Kofi Mensah", "Clara Dubois")
_FIRST = 14
"""How many had a seat from the beginning; the others came one after another."""


def demonstration() -> Scene:
    """The demo scene; its moments count back from now."""
    return Scene.model_validate({"people": [*_consumers(), *_staff()], "workspaces": [_northwind()]})


def _consumers() -> Iterator[dict[str, Any]]:
    yield {
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "country": "US",
        "time_zone": "America/New_York",
        "joined": "-372d",
        "payment_methods": [
            {"last4": "4242", "expires": "2031-08"},
            {"brand": "mastercard", "last4": "4444", "expires": "2029-02", "added": "-200d"},
        ],
        "subscriptions": [
            {
                "plan": "pro",
                "started": "-370d",
                # One month the card was declined, and a day later it was not.
                "billed": {"declined_since": "-110d", "declined_until": "-75d"},
            },
            {"plan": "api", "started": "-120d"},
        ],
        "keys": [{"name": "Reading list", "scopes": ["billing:read"], "created": "-30d"}],
    }
    yield {
        "email": "grace@example.com",
        "name": "Grace Hopper",
        "currency": "EUR",
        "country": "DE",
        "locale": "de",
        "time_zone": "Europe/Berlin",
        "payment_methods": [{"kind": "sepa_debit", "brand": "sepa", "last4": "3000"}],
        "subscriptions": [{"plan": "max", "interval": "year", "started": "-395d", "billed": {}}],
    }
    yield {
        "email": "alan@example.com",
        "name": "Alan Turing",
        "currency": "JPY",
        "country": "JP",
        "locale": "ja",
        "time_zone": "Asia/Tokyo",
        "payment_methods": [{"brand": "jcb", "last4": "0505", "expires": "2030-11"}],
        "subscriptions": [
            {
                "plan": "pro",
                "started": "-368d",
                "canceled": {"at": "-70d", "reason": "I have not used it much lately."},
                "billed": {},
            },
            {"plan": "free", "started": "-40d"},
        ],
        "invoices": [
            {
                "lines": [{"description": "Workshop for beginners, two seats", "amount": "24000", "quantity": 2}],
                "state": "open",
                "issued": "-12d",
                "terms_days": 30,
            }
        ],
    }
    yield {
        "email": "katherine@example.com",
        "name": "Katherine Johnson",
        "country": "US",
        "time_zone": "America/New_York",
        # Stripe's test card that is not covered: her next renewal is declined, and dunning begins.
        "payment_methods": [{"last4": "9995", "expires": "2031-03"}],
        "subscriptions": [{"plan": "pro", "started": "-56d", "billed": {}}],
    }


def _staff() -> Iterator[dict[str, Any]]:
    for desk, name in (("support", "Sam Rivera"), ("finance", "Fatima Noor"), ("admin", "Alex Morgan")):
        yield {"email": f"{desk}@seatgraph.example", "name": name, "staff": desk, "joined": "-420d"}


def _northwind() -> dict[str, Any]:
    return {
        "name": "Northwind Labs",
        "owner": _OWNER,
        "email": f"invoices@{_DOMAIN}",
        "created": "-400d",
        "issuer": _SSO,
        "currency": "EUR",
        "country": "NL",
        "time_zone": "Europe/Amsterdam",
        "payment_methods": [
            {"kind": "sepa_debit", "brand": "sepa", "last4": "0300"},
            {"last4": "1881", "expires": "2030-05", "added": "-180d"},
        ],
        "members": list(_joined()),
        "invitations": list(_invited()),
        "pools": [_pro(), _max()],
        "keys": [
            {"name": "Directory sync", "scopes": ["seats:read", "seats:write"], "created": "-60d", "days": 365},
            {
                "name": "Finance export",
                "scopes": ["billing:read"],
                "made_by": _address("Sofie de Vries"),
                "created": "-20d",
            },
            {"name": "Old script", "scopes": ["audit:read"], "created": "-200d", "days": 180, "revoked": "-120d"},
        ],
    }


def _joined() -> Iterator[dict[str, Any]]:
    for name, role in _ROLES.items():
        yield {"email": _address(name), "name": name, "role": role, "joined": "-395d"}
    for place, name in enumerate(_MEMBERS):
        yield {"email": _address(name), "name": name, "joined": _came(place)}
    yield {"email": _address("Ben Carter"), "name": "Ben Carter", "joined": "-380d", "removed": "-45d"}


def _invited() -> Iterator[dict[str, Any]]:
    yield {"email": _address("Nadia Rossi"), "state": "accepted", "sent": "-64d", "answered": "-62d"}
    yield {"email": _address("Piet Jansen"), "role": "auditor", "sent": "-2d"}
    yield {"email": "consultant@fernhill.example", "state": "revoked", "sent": "-90d", "answered": "-88d"}
    yield {"email": "intern@fernhill.example", "state": "expired", "sent": "-150d"}


def _pro() -> dict[str, Any]:
    names = [name for name in (*list(_ROLES)[:4], *_MEMBERS) if name not in _MAX]
    return {
        "name": "Pro seats",
        "plan": "enterprise_pro",
        "started": "-396d",
        "seats": 20,
        "more": [{"at": "-250d", "seats": 28}, {"at": "-118d", "seats": 32}],
        "billed": {"terms_days": 30, "unpaid_since": "-75d"},
        "seated": [
            *(_seat(name) for name in names),
            {"email": _address("Ben Carter"), "state": "released", "source": "sso", "since": "-378d", "until": "-45d"},
            {"email": _address("Nadia Rossi"), "since": "-63d"},
            {"email": _address("Chloe Bennett"), "state": "invited", "since": "-3d"},
            {"email": _address("Arjun Mehta"), "state": "invited", "since": "-1d"},
        ],
    }


def _max() -> dict[str, Any]:
    return {
        "name": "Max seats",
        "plan": "enterprise_max",
        "interval": "year",
        "started": "-366d",
        "seats": 5,
        "more": [{"at": "-100d", "seats": len(_MAX)}],
        "billed": {"terms_days": 14},
        "seated": [
            *({"email": _address(name), "since": f"-{max(99 - place, 90)}d"} for place, name in enumerate(_MAX)),
            *({"email": _address(name), "state": "waitlisted", "since": "-9d"} for name in _WAITING),
        ],
    }


def _seat(name: str) -> dict[str, Any]:
    place = _MEMBERS.index(name) if name in _MEMBERS else 0
    seat: dict[str, Any] = {"email": _address(name), "source": "sso", "since": _came(place)}
    if name in _SUSPENDED:
        seat |= {"state": "suspended", "until": "-15d"}
    if name in _RELEASED:
        seat |= {"state": "released", "until": "-33d", "reason": "Works for another team now."}
    return seat


def _came(place: int) -> str:
    """When a member came: the first ones on one day, the others week after week, all at hours of their own."""
    days = 390 if place < _FIRST else 390 - 19 * (place - _FIRST + 1)
    return f"-{days * 1_440 - place * 53 % 480}m"


def _address(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{_DOMAIN}"
