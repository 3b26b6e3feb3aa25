"""Whoever pays in a scene: an account that is there when something needs it, and from when on it has what it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from auth import operations
from auth.tables import Account, ServiceKey
from gateway.scenes import form, queries
from gateway.scenes.people import Cast
from gateway.scenes.stage import Stage
from gateway.scenes.words import Moment
from payments import events as paying
from payments.tables import PaymentMethod


@dataclass(frozen=True, slots=True)
class Payer:
    """An account of the scene."""

    stage: Stage
    cast: Cast
    place: str
    name: str
    """What the scene calls it."""

    told: form.Payer
    owner: str
    """The address of whoever acts for it."""

    since: datetime
    account: Callable[[], Awaitable[Account]]
    """The account, opened now unless it is there."""

    secrets: dict[str, str]
    """The texts of the keys that were made, by name."""

    def when(self, moment: Moment | None) -> datetime:
        """The instant; without one, when the account begins."""
        return self.since if moment is None else moment.at(self.stage.now)

    async def acts(self) -> Account:
        """The account, when its owner is who does what comes next."""
        account = await self.account()
        self.stage.speak((await self.cast.person(self.owner)).id)
        return account


def beginning(told: form.Payer, written: Moment | None, now: datetime) -> datetime:
    """When an account begins: when the scene says so, or at the first instant it says anything of it."""
    return written.at(now) if written else min((moment.at(now) for moment in _moments(told)), default=now)


def _moments(part: object) -> Iterator[Moment]:
    """The instants at which something happens in a part of a scene."""
    match part:
        case Moment():
            yield part
        case form.Billed():
            # These part invoices from one another, and nothing happens then.
            pass
        case form.Form():
            for name in type(part).model_fields:
                yield from _moments(getattr(part, name))
        case list():
            for each in part:
                yield from _moments(each)


def announce(payer: Payer) -> None:
    """The instruments and keys of an account, each at its instant."""
    methods, stage = payer.told.payment_methods, payer.stage
    default = next((place for place, method in enumerate(methods) if method.default), 0)
    for place, method in enumerate(methods):
        where = f"{payer.place}.payment_methods[{place}]"
        stage.then(payer.when(method.added), where, partial(_add_method, payer, where, method, place == default))
    for place, key in enumerate(payer.told.keys):
        where = f"{payer.place}.keys[{place}]"
        stage.then(key.created.at(stage.now), where, partial(_make_key, payer, where, key))


async def _add_method(payer: Payer, place: str, told: form.PaymentMethod, is_default: bool) -> None:
    account, work = await payer.acts(), payer.stage.work
    number = work.new_id()
    if is_default and (known := await queries.default_method(work, account.id)):
        known.is_default = False
    method = PaymentMethod(
        account_id=account.id,
        id=number,
        kind=told.kind,
        brand=told.brand,
        last4=told.last4,
        expires_on=told.expires,
        is_default=is_default,
        rail_id=f"pm_scene_{number}",
        created_at=work.now,
    )
    work.add(method)
    work.emit(paying.PaymentMethodAdded(account.id, number), method)
    if told.detached:
        payer.stage.then(told.detached.at(payer.stage.now), f"{place}.detached", partial(_detach, payer, method))


async def _detach(payer: Payer, method: PaymentMethod) -> None:
    await payer.acts()
    method.is_default, method.detached_at = False, payer.stage.work.now
    payer.stage.work.emit(paying.PaymentMethodDetached(method.account_id, method.id), method)


async def _make_key(payer: Payer, place: str, told: form.Key) -> None:
    account = await payer.acts()
    maker = await payer.cast.person(told.made_by or payer.owner)
    payer.stage.speak(maker.id)
    life = timedelta(days=told.days)
    key, text = await operations.create_key(
        payer.stage.work, account.id, maker.id, name=told.name, scopes=told.scopes, life=life
    )
    payer.secrets[f"{payer.name}/keys/{told.name}/secret"] = text
    if told.revoked:
        payer.stage.then(told.revoked.at(payer.stage.now), f"{place}.revoked", partial(_revoke, payer, key))


async def _revoke(payer: Payer, key: ServiceKey) -> None:
    await payer.acts()
    await operations.revoke_key(payer.stage.work, key.account_id, key.id)
