"""Accounts: people and workspaces with what they have from the beginning, as rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from billing.tables import ENDED
from gateway.scaling.invoices import Offer, Payer, Row, Shelf
from gateway.scaling.traits import DOMAIN, EVERY, Calendar, Standing, Traits, address
from kernel import audit
from kernel.audit import Origin
from seats.seating import INVITED_FOR

REQUEST = "scale"
"""What the audit of these accounts names as its request."""

SLOTS = 8
"""How many numbers every account has for itself."""

PER_SEAT = 3
"""How many numbers a seat needs at most: a membership, the assignment and an invitation."""

_PERSON, _ACCOUNT, _SUBSCRIPTION, _ITEM, _METHOD, _RECORD, _STEP, _GRID = range(SLOTS)
_POOL = _PERSON
"""A workspace is no person, so the slot is free."""

_ROLES = ("owner", "admin", "seat_admin", "billing_admin", "auditor")
_CYCLE, _SUSPENDED, _RELEASED, _INVITED = 40, 37, 38, 39
"""Of so many seats in a row, the last three are of another state."""

_BLOCK = 1_024
_ARRIVAL = Origin("anonymous", request_id=REQUEST)


@dataclass(frozen=True, slots=True)
class Spine:
    """The numbers that follow from an account's place, out of blocks that were taken for them."""

    blocks: list[int]

    def number(self, place: int, slot: int) -> int:
        """The number in a slot of the account at a place."""
        block, rest = divmod(place * SLOTS + slot, _BLOCK)
        return self.blocks[block] * _BLOCK + rest

    def payer(self, place: int) -> Payer:
        """The numbers that invoices name."""
        return Payer(*(self.number(place, slot) for slot in (_ACCOUNT, _SUBSCRIPTION, _ITEM, _METHOD)))


@dataclass(slots=True)
class Register:
    """Rows of accounts, by table."""

    calendar: Calendar
    shelf: Shelf
    spine: Spine
    people: int
    """How many people there are; their places leave out those of workspaces."""

    new_id: Callable[[], int]
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def open(self, traits: Traits) -> None:
        """An account, what it is subscribed to, and what it pays with."""
        start = self.calendar.start(traits, traits.began)
        if traits.is_workspace:
            self._workspace(traits, start)
        else:
            self._person(traits, start)
        self._subscription(traits, start)
        self._method(traits, start)

    def _add(self, table: str, *row: Any) -> None:
        self.rows.setdefault(table, []).append(row)

    def _person(self, traits: Traits, start: datetime) -> None:
        place, home = traits.place, traits.home
        number, email, name = self.spine.number(place, _PERSON), traits.email, traits.name
        self._add("person", number, email, True, name, home.locale, "UTC", 0, start)
        self._add("identity", REQUEST, email, number, start)
        account = self._account(traits, {"kind": "person", "person_id": number, "name": name, "email": email}, start)
        self._record(self._entry(traits, "account.opened", account, start))

    def _workspace(self, traits: Traits, start: datetime) -> None:
        name, email = traits.name, traits.email
        account = self._account(traits, {"kind": "workspace", "person_id": None, "name": name, "email": email}, start)
        row = {"id": account["id"], "name": name, "sso_enforced": False, "created_at": start}
        self._add("workspace", *row.values())
        owner = self.spine.number(self._member_place(traits, 0), _PERSON)
        self._record(self._entry(traits, "workspace.created", row, start, Origin("person", owner, request_id=REQUEST)))

    def _account(self, traits: Traits, who: dict[str, Any], start: datetime) -> dict[str, Any]:
        home = traits.home
        where = {"currency": home.currency, "country": home.country, "locale": home.locale, "time_zone": "UTC"}
        row = {"id": self.spine.number(traits.place, _ACCOUNT), **who, **where, "created_at": start}
        self._add("account", *row.values())
        return row

    def _entry(
        self, traits: Traits, action: str, row: dict[str, Any], at: datetime, origin: Origin = _ARRIVAL
    ) -> audit.Entry:
        """What the audit is told of a new row, which has the account's number."""
        after = {**row, "created_at": at.isoformat()}
        number, subject = self.spine.number(traits.place, _RECORD), action.partition(".")[0]
        return audit.Entry(number, row["id"], at, action, subject, row["id"], None, after, origin)

    def _record(self, entry: audit.Entry) -> None:
        """The first and only record of an account's chain, and the head after it."""
        about = (entry.account_id, 1, entry.id, entry.at, entry.action, entry.subject, entry.subject_id, None)
        by = (entry.origin.actor, entry.origin.person_id, None, "", "", entry.origin.request_id, None)
        mark = audit.digest(audit.GENESIS, [*about, entry.after, *by])
        self._add("audit_record", *about, json.dumps(entry.after), *by, mark)
        self._add("audit_head", entry.account_id, 1, mark)

    # What was bought

    def _subscription(self, traits: Traits, start: datetime) -> None:
        offer = self.shelf[traits.plan, traits.interval, traits.home.currency]
        account_id, number = (self.spine.number(traits.place, slot) for slot in (_ACCOUNT, _SUBSCRIPTION))
        period = self.calendar.period(traits, self.calendar.newest(traits))
        ended = period.end if traits.standing is Standing.CANCELED else None
        state = {Standing.LATE: "past_due", Standing.CANCELED: "canceled"}.get(traits.standing, "active")
        self._add(
            "subscription",
            *(account_id, number, offer.plan_id, offer.version_id, state, traits.home.currency, traits.interval.value),
            *(start, "UTC", period.start, period.end, None, ended, None, ended, start),
        )
        item_id, quantity = self.spine.number(traits.place, _ITEM), traits.seats or 1
        bought = (account_id, item_id, number, offer.plan_id, offer.price_id, quantity, start, ended)
        self._add("subscription_item", *bought)
        step, grid = (self.spine.number(traits.place, slot) for slot in (_STEP, _GRID))
        self._add("item_step", account_id, step, number, item_id, start, offer.price_id, quantity)
        local = start.astimezone(UTC).replace(tzinfo=None)
        self._add("subscription_cycle", account_id, grid, number, start, local, "UTC", traits.interval.value, 1)
        self._add("subscription_clock", account_id, number, period.end, ENDED if ended else None)

    def _method(self, traits: Traits, start: datetime) -> None:
        account_id, number = (self.spine.number(traits.place, slot) for slot in (_ACCOUNT, _METHOD))
        last4 = f"{traits.dice % 10_000:04}"
        kind, brand, expires = ("sepa_debit", "sepa", None)
        if traits.method == "card":
            kind, brand, expires = "card", _of(("visa", "mastercard", "amex"), traits.dice), _expiry(traits, start)
        self._add(
            "payment_method", account_id, number, kind, brand, last4, expires, True, f"pm_scale_{number}", start, None
        )

    # Who sits there

    def seat(self, traits: Traits) -> None:
        """The pool of a workspace, and whoever sits there; everybody has to be there by then."""
        offer = self.shelf[traits.plan, traits.interval, traits.home.currency]
        account_id, start = self.spine.number(traits.place, _ACCOUNT), self.calendar.start(traits, traits.began)
        pool_id, filled = self.spine.number(traits.place, _POOL), seated(traits, self.people)
        held = filled - (filled + _CYCLE - 1 - _RELEASED) // _CYCLE
        subscription_id, item_id = (self.spine.number(traits.place, slot) for slot in (_SUBSCRIPTION, _ITEM))
        bought = (
            account_id,
            pool_id,
            "Seats",
            offer.plan_id,
            subscription_id,
            item_id,
            traits.seats,
            held,
            start,
            None,
        )
        self._add("license_pool", *bought)
        for place in range(filled):
            self._seat(traits, (account_id, pool_id, offer), place, start)

    def _seat(self, traits: Traits, pool: tuple[int, int, Offer], place: int, start: datetime) -> None:
        account_id, pool_id, offer = pool
        turn, now = place % _CYCLE, self.calendar.now
        if turn == _INVITED:
            self._invited(traits, pool, place)
            return
        member = self._member_place(traits, place)
        person_id, email = self.spine.number(member, _PERSON), address(member)
        role = _ROLES[place] if place < len(_ROLES) else "member"
        self._add("member", account_id, self.new_id(), person_id, role, "active", start, None)
        state = {_SUSPENDED: "suspended", _RELEASED: "released"}.get(turn, "active")
        changed = start + (now - start) / 2
        self._add(
            "assignment",
            *(account_id, self.new_id(), pool_id, offer.plan_id, email, person_id, str(person_id), state, "sso", start),
            changed if state == "suspended" else None,
            changed if state == "released" else None,
            "released" if state == "released" else None,
        )

    def _invited(self, traits: Traits, pool: tuple[int, int, Offer], place: int) -> None:
        account_id, pool_id, offer = pool
        email = f"guest{place}@{traits.place}.{DOMAIN}"
        since = self.calendar.now - timedelta(days=place % 6, hours=1)
        owner = self.spine.number(self._member_place(traits, 0), _PERSON)
        seat = (account_id, self.new_id(), pool_id, offer.plan_id, email, None, email, "invited", "manual", since)
        self._add("assignment", *seat, None, None, None)
        mark = sha256(email.encode()).digest()
        letter = (account_id, self.new_id(), email, "member", "pending", owner, since, since + INVITED_FOR, None, mark)
        self._add("invitation", *letter)

    def _member_place(self, traits: Traits, place: int) -> int:
        """The account of the person who is a workspace's member at a place."""
        person = (traits.dice + place) % self.people
        return person + person // (EVERY - 1)


def seated(traits: Traits, people: int) -> int:
    """How many seats of a workspace are filled: not more than half of all people are members of one."""
    return min(traits.seats, people // 2)


def _expiry(traits: Traits, start: datetime) -> str:
    return f"{start.year + 2 + traits.dice % 3}-{1 + traits.dice % 12:02}"


def _of(choices: tuple[str, ...], dice: int) -> str:
    return choices[dice % len(choices)]
