"""Terms: how an account is billed, and what of that it may say for itself.

What is left out stays as it is; an empty text takes a purchase order number, an
address or a VAT id away. Values in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from babel import Locale, UnknownLocaleError

from billing.tax import vat_id
from kernel.errors import InvalidInput, Problem
from kernel.time import zone

LONGEST_PO = 100
LONGEST_VAT_ID = 40
MOST_NET_DAYS = 365
MOST_GRACE_HOURS = 720
MOST_LINES = 6
LONGEST_LINE = 100

OWN_NET_DAYS = 30
OWN_GRACE_HOURS = 72
"""How far an account sets its own terms; more is a loan, which our Finance agrees to."""

_OR_ASK = "or ask Support for more."
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


@dataclass(eq=False)
class VatIdNotValid(Problem):
    """The VAT id can't be one."""

    says = "{given} is not a valid VAT id: {why}. Correct it, or leave it empty and pay the tax."
    given: str
    """What was given."""

    why: str
    """What is wrong with it."""


@dataclass(eq=False)
class TermsForFinance(Problem):
    """Such terms are agreed with our Finance."""

    says = "{what} agreed with our Finance. {advice}"
    what: str
    """Which terms are."""

    advice: str
    """What to do instead."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What shall be from now on; None for what stays."""

    name: str | None = None
    email: str | None = None
    address: Sequence[str] | None = None
    country: str | None = None
    vat_id: str | None = None
    po_number: str | None = None
    net_days: int | None = None
    grace_hours: int | None = None
    collection: str | None = None
    seat_collection: str | None = None
    one_invoice: bool | None = None
    locale: str | None = None
    time_zone: str | None = None

    @property
    def columns(self) -> dict[str, object]:
        """The columns of an account that these set."""
        texts = {name: getattr(self, name) for name in ("name", "email", "country", "locale", "time_zone")}
        numbers = {"net_days": self.net_days, "grace_hours": self.grace_hours}
        ways = {name: getattr(self, name) for name in ("collection", "seat_collection", "one_invoice")}
        given: dict[str, object] = {
            name: value for name, value in {**texts, **numbers, **ways}.items() if value is not None
        }
        given |= {
            name: getattr(self, name) or None for name in ("vat_id", "po_number") if getattr(self, name) is not None
        }
        if self.address is not None:
            given["address"] = {"lines": list(self.address)} if self.address else None
        return given


def checked(wanted: Terms, country: str) -> Terms:
    """The same terms as they are stored, for an account that is in a country. Raises InvalidInput, or VatIdNotValid."""
    _check_numbers(wanted)
    if wanted.time_zone is not None:
        zone(wanted.time_zone)
    return replace(
        wanted,
        address=None if wanted.address is None else _lines(wanted.address),
        country=None if wanted.country is None else _country(wanted.country),
        vat_id=None if wanted.vat_id is None else _vat_id(wanted.vat_id, wanted.country or country),
        po_number=None if wanted.po_number is None else _po_number(wanted.po_number),
        locale=None if wanted.locale is None else _locale(wanted.locale),
    )


def allow(wanted: Terms, *, net_days: int, grace_hours: int, collection: str) -> None:
    """Refuse terms that an account can't give itself, beside those that it has. Raises TermsForFinance."""
    if wanted.net_days is not None and wanted.net_days > max(OWN_NET_DAYS, net_days):
        raise TermsForFinance(f"Net terms above {OWN_NET_DAYS} days are", f"Choose up to {OWN_NET_DAYS}, {_OR_ASK}")
    if wanted.grace_hours is not None and wanted.grace_hours > max(OWN_GRACE_HOURS, grace_hours):
        raise TermsForFinance(f"More than {OWN_GRACE_HOURS} hours as a draft are", f"Choose fewer, {_OR_ASK}")
    if wanted.collection not in {None, collection, "charge_automatically"}:
        raise TermsForFinance("Paying by invoice is", "Ask Support for it.")


def _check_numbers(wanted: Terms) -> None:
    if wanted.net_days is not None and not 0 <= wanted.net_days <= MOST_NET_DAYS:
        raise InvalidInput(f"Net terms are 0 to {MOST_NET_DAYS} days.")
    if wanted.grace_hours is not None and not 0 <= wanted.grace_hours <= MOST_GRACE_HOURS:
        raise InvalidInput(f"An invoice stays a draft for 0 to {MOST_GRACE_HOURS} hours.")


def _lines(written: Sequence[str]) -> list[str]:
    lines = [" ".join(line.split()) for line in written]
    if len(lines) > MOST_LINES or not all(1 <= len(line) <= LONGEST_LINE and line.isprintable() for line in lines):
        raise InvalidInput(f"An address is up to {MOST_LINES} lines of 1 to {LONGEST_LINE} printable characters.")
    return lines


def _country(written: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", written) or written not in Locale("en").territories or written in _NO_COUNTRIES:
        raise InvalidInput(f"{written!r} is not an ISO 3166 country code, such as 'DE'.")
    return written


def _vat_id(written: str, country: str) -> str:
    if len(written) > LONGEST_VAT_ID or not written.isprintable():
        raise InvalidInput(f"A VAT id is at most {LONGEST_VAT_ID} printable characters.")
    if not written.strip():
        return ""
    try:
        found = vat_id(written)
    except InvalidInput as reason:
        raise VatIdNotValid(written, "its form or its check digits are wrong") from reason
    prefix = {"EL": "GR", "XI": "GB"}.get(found[:2], found[:2])
    if prefix != country:
        raise VatIdNotValid(written, f"it is one of {prefix}, and the account is in {country}")
    return found


def _po_number(written: str) -> str:
    found = written.strip()
    if len(found) > LONGEST_PO or not found.isprintable():
        raise InvalidInput(f"A purchase order number is at most {LONGEST_PO} printable characters.")
    return found


def _locale(written: str) -> str:
    if _LOCALE.fullmatch(written):
        with suppress(UnknownLocaleError, ValueError):
            Locale.parse(written, sep="-")
            return written
    raise InvalidInput(f"{written!r} is not a language we know, such as 'de' or 'fr-CH'.")


_NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
"""What Unicode lists among the territories, and no one lives in."""
