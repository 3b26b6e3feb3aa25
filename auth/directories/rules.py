"""The rules of directories: by which address somebody is known, whom they may be taken for, and what is refused.

A directory may write any address into its list. Only one in a domain that the
workspace has verified ties an entry to a person; the others are kept and mean nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auth.addresses import address, is_address
from auth.policy import Role, outranks
from kernel.errors import InvalidInput, Problem

LONGEST_NAME = 254
LONGEST_EXTERNAL_ID = 255
LONGEST_TEXT = 1_000
LONGEST_BINARY = 16_000
LONGEST_LIST = 100
LARGEST_ENTRY = 64_000
"""How many characters an entry may have, written as JSON."""

LONGEST_KEPT = 90
"""For so many days at most the seat of somebody is kept who is deactivated."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a directory tells of somebody: every attribute, and those that mean something here."""

    user_name: str
    external_id: str | None
    active: bool | None
    """Whether they belong to the workspace; None leaves it as it is."""

    addresses: tuple[str, ...]
    """Their e-mail addresses, the preferred one first."""

    name: str
    seat_wanted: bool
    """Whether they want a seat of the directory's pool."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody whose verified address is the one told."""

    person_id: int
    listed: bool
    """Whether another entry of this directory is them."""

    here: Role | None
    """Their role in this workspace, if they are a member."""

    elsewhere: int
    """In how many other workspaces they are."""


@dataclass(eq=False)
class UserNameTaken(Problem):
    """Another entry of the directory has this name."""

    says = "Another entry of this directory has the userName {name}."
    name: str
    """The name."""


@dataclass(eq=False)
class ForeignAddress(Problem):
    """The name is an address that is not the workspace's to give."""

    says = "{address} is not in a domain that this workspace has verified. Verify the domain first."
    address: str
    """The address."""


@dataclass(eq=False)
class NotTheirs(Problem):
    """The entry can't be the person who has its address."""

    says = "{why}"
    why: str
    """Why not, and what to do."""


@dataclass(eq=False)
class TooMuch(Problem):
    """Something of an entry is longer than it may be, or is no text."""

    says = "{what}"
    what: str
    """What, and how much it may be."""


@dataclass(eq=False)
class UnknownMember(Problem):
    """A group names somebody who is not in the directory."""

    says = "A member of the group is no user of this directory. Only users can be members, not groups."


@dataclass(eq=False)
class Raced(Problem):
    """Somebody else changed the entry since it was looked at."""

    says = "Somebody else changed this entry at the same moment. Read it again, and try again."


def known_by(told: Told, verified: Collection[str]) -> str | None:
    """The address by which somebody is known here, if one of theirs is in a verified domain. Raises ForeignAddress."""
    if is_address(told.user_name):
        mine = address(told.user_name)
        if _domain(mine) not in verified:
            raise ForeignAddress(mine)
        return mine
    return next((found for found in told.addresses if _domain(found) in verified), None)


def addresses(told: Told) -> list[str]:
    """Every address that an entry holds."""
    names = [told.user_name] if is_address(told.user_name) else []
    return sorted({address(found) for found in [*names, *told.addresses]})


def domains(told: Told) -> list[str]:
    """The domains of every address that an entry holds."""
    return sorted({_domain(found) for found in addresses(told)})


def take_for(found: Found, email: str, maker: Role | None) -> None:
    """Insist that an entry may be this person. Raises NotTheirs.

    `maker` is the role of whoever connected the directory: it decides about nobody who stands beside or above them.
    """
    if found.listed:
        raise NotTheirs(f"Another entry of this directory is the person at {email} already.")
    if found.elsewhere:
        raise NotTheirs(f"MEMBER_OF_OTHER_WORKSPACE: the person at {email} belongs to another workspace.")
    if found.here is not None and not (maker is Role.OWNER or (maker and outranks(maker, found.here))):
        role = found.here.replace("_", " ")
        raise NotTheirs(
            f"The person at {email} is {role} here, and whoever connected this directory may not decide that."
        )


def check(told: Told) -> None:
    """Insist that an entry is of a size that can be kept. Raises TooMuch."""
    if not 1 <= len(told.user_name.strip()) <= LONGEST_NAME or not told.user_name.isprintable():
        raise TooMuch(f"A userName is 1 to {LONGEST_NAME} printable characters.")
    if told.external_id is not None and len(told.external_id) > LONGEST_EXTERNAL_ID:
        raise TooMuch(f"An externalId is at most {LONGEST_EXTERNAL_ID} characters.")
    left = _fits("", told.document, LARGEST_ENTRY)
    assert left >= 0, "what doesn't fit was refused"


def _fits(name: str, value: Any, left: int) -> int:
    """How many characters are left of the largest entry after this. Raises TooMuch."""
    if isinstance(value, str):
        longest = LONGEST_BINARY if name == "value" else LONGEST_TEXT
        if len(value) > longest or "\0" in value:
            raise TooMuch(f"{name} is at most {longest:,} characters, without the one that ends texts.")
        left -= len(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            left = _fits(str(key), item, left - len(str(key)))
    elif isinstance(value, list):
        if len(value) > LONGEST_LIST:
            raise TooMuch(f"{name} has at most {LONGEST_LIST} values.")
        for item in value:
            left = _fits(name, item, left)
    if left < 0:
        raise TooMuch(f"An entry is at most {LARGEST_ENTRY:,} characters in all.")
    return left


def kept_for(days: int) -> int | None:
    """For how many days seats are kept; None where they are not. Raises InvalidInput."""
    if not 0 <= days <= LONGEST_KEPT:
        raise InvalidInput(f"Seats are kept for 1 to {LONGEST_KEPT} days, or 0 for none; {days} was given.")
    return days or None


def keeps(days: int | None, now: datetime) -> datetime | None:
    """Until when the seats of somebody are kept who is deactivated now; None where they are free at once."""
    return None if days is None else now + timedelta(days=days)


def _domain(found: str) -> str:
    return found.rpartition("@")[2]
