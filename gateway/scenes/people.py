"""The people of a scene: they come when it says so, or when something first needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from auth import operations
from auth import queries as auth
from auth.tables import Account, Identity, Person, Staff
from gateway.scenes import events, form
from gateway.scenes.stage import Stage
from kernel.errors import InvalidInput

ISSUER = "scene"
"""Who identifies those people of whom the scene doesn't say it."""


@dataclass(slots=True)
class Cast:
    """Everybody whom a scene names."""

    stage: Stage
    described: Mapping[str, form.Person]
    """Everybody under `people`, by address."""

    found: dict[str, Person]
    """Whoever is there, by address; at first those who were there before the scene."""

    asides: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """The name and the issuer of those who stand under `members` alone, by address."""

    async def person(self, email: str) -> Person:
        """Whoever has this address; they sign up now, unless they are there. Raises InvalidInput before their time."""
        if email not in self.found:
            self.found[email] = await self._come(email)
        return self.found[email]

    async def account(self, email: str) -> Account:
        """What a person pays with."""
        return await auth.own_account(self.stage.work, (await self.person(email)).id)

    async def _come(self, email: str) -> Person:
        name, issuer = self.asides.get(email, (None, None))
        told = self.described.get(email) or form.Person(email=email, name=name)
        work = self.stage.work
        if told.joined and work.now < told.joined.at(self.stage.now):
            raise InvalidInput(f"{email} has not joined yet.")
        before, work.origin = work.origin, replace(work.origin, actor="anonymous", person_id=None)
        person = await self._sign_up(told, issuer or ISSUER)
        work.origin = before
        return person

    async def _sign_up(self, told: form.Person, issuer: str) -> Person:
        work, email = self.stage.work, told.email
        first, *others = told.identities or [form.Identity(issuer=issuer, subject=email)]
        name = told.name or called(email)
        person = await operations.sign_up(work, first.issuer, first.subject, email if told.verified else None, name)
        person.email, person.locale, person.time_zone = email, told.locale, told.time_zone
        for other in others:
            work.add(Identity(issuer=other.issuer, subject=other.subject, person_id=person.id, created_at=work.now))
        account = await auth.own_account(work, person.id)
        account.email = email
        settle(account, told)
        if told.staff:
            work.add(Staff(person_id=person.id, desk=told.staff))
            work.emit(events.StaffAppointed(account.id, person.id), after={"desk": told.staff.value})
        return person


def settle(account: Account, told: form.Payer) -> None:
    """Let an account be where the scene says, and pay as it says."""
    account.currency, account.country = told.currency, told.country
    account.locale, account.time_zone = told.locale, told.time_zone


def called(email: str) -> str:
    """A name made of an address: ada.lovelace@example.com is Ada Lovelace."""
    return " ".join(word.capitalize() for word in email.partition("@")[0].replace("_", ".").split(".") if word)
