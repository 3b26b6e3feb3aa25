"""The pools of a scene: bought, enlarged, and filled with people in every state a seat can be in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from billing import queries as billing
from gateway.scenes import agreements, events, form
from gateway.scenes.agreements import Running
from gateway.scenes.payer import Payer
from gateway.scenes.workspaces import Tenant
from kernel.errors import InvalidInput
from seats import buying, operations, places, pools, queries
from seats.seating import INVITED_FOR, SeatState
from seats.tables import Assignment


@dataclass(frozen=True, slots=True)
class _Pool:
    tenant: Tenant
    payer: Payer
    account_id: int
    number: int
    running: Running


def announce(tenant: Tenant, payer: Payer) -> None:
    """The pools of a workspace, each when it was bought."""
    for place, told in enumerate(tenant.told.pools):
        where = f"{tenant.place}.pools[{place}]"
        for seat in told.seated:
            tenant.cast.asides.setdefault(seat.email, (None, tenant.told.issuer))
        payer.stage.then(payer.when(told.started), where, partial(_buy, tenant, payer, where, told))


async def _buy(tenant: Tenant, payer: Payer, place: str, told: form.Pool) -> None:
    account, work, stage = await payer.acts(), payer.stage.work, payer.stage
    price = await agreements.sold(payer, account, told)
    pool = await pools.create_pool(work, account, price.id, told.seats, told.name)
    subscription = await billing.subscription(work, account.id, pool.subscription_id)
    closes = partial(pools.close_pools, work, account.id, subscription.id)
    running = await agreements.begin(payer, place, told, subscription, closes)
    bought = _Pool(tenant, payer, account.id, pool.id, running)
    for number, more in enumerate(told.more):
        stage.then(more.at.at(stage.now), f"{place}.more[{number}]", partial(_enlarge, bought, more.seats))
    for number, seat in enumerate(told.seated):
        where = f"{place}.seated[{number}]"
        stage.then(seat.since.at(stage.now) if seat.since else work.now, where, partial(_seat, bought, where, seat))


async def _enlarge(bought: _Pool, seats: int) -> None:
    account, work = await bought.payer.acts(), bought.payer.stage.work
    pool = await queries.pool(work, bought.account_id, bought.number)
    if bought.running.subscription.ended_at:
        raise InvalidInput("The subscription has ended by then.")
    if seats <= pool.purchased:
        raise InvalidInput(f"There are {pool.purchased} seats by then, and a scene only adds some.")
    await buying.resize(work, account, pool.id, seats, None)
    await agreements.await_payment(bought.running)


async def _seat(bought: _Pool, place: str, told: form.Seat) -> None:
    tenant, stage = bought.tenant, bought.payer.stage
    invited = {letter.email for letter in tenant.told.invitations}
    if told.state is not SeatState.INVITED and told.email not in invited:
        await tenant.join(told.email)
    await bought.payer.acts()
    if told.state is SeatState.WAITLISTED:
        await _wait(bought, told)
        return
    seat = await operations.assign(stage.work, bought.account_id, bought.number, told.email, told.source)
    _insist(bought, told, seat, expected=told.email in invited)
    acts = {SeatState.SUSPENDED: _suspend, SeatState.RELEASED: _release}
    if told.state in acts:
        stage.then(told.until.at(stage.now), f"{place}.until", partial(acts[told.state], bought, told, seat))


def _insist(bought: _Pool, told: form.Seat, seat: Assignment, *, expected: bool) -> None:
    """Refuse a seat that is not what the scene says it is."""
    if told.state is SeatState.INVITED and seat.state is not SeatState.INVITED:
        raise InvalidInput(f"{told.email} is a member, whose seat is theirs at once: it is active.")
    if told.state is SeatState.INVITED and seat.since + INVITED_FOR <= bought.payer.stage.now:
        raise InvalidInput(f"An invited seat is given up after {INVITED_FOR.days} days, so by now it is released.")
    if told.state is not SeatState.INVITED and seat.state is SeatState.INVITED and not expected:
        raise InvalidInput(f"{told.email} is not verified, so the seat only waits for them: it is invited.")


async def _suspend(bought: _Pool, _told: form.Seat, seat: Assignment) -> None:
    await bought.payer.acts()
    await operations.suspend(bought.payer.stage.work, bought.account_id, seat.id)


async def _release(bought: _Pool, told: form.Seat, seat: Assignment) -> None:
    await bought.payer.acts()
    work = bought.payer.stage.work
    # An invitation that came to nothing, or a removed member, has given it up before.
    if (await queries.assignment(work, bought.account_id, seat.id)).state is not SeatState.RELEASED:
        await operations.release(work, bought.account_id, seat.id, told.reason)


async def _wait(bought: _Pool, told: form.Seat) -> None:
    work = bought.payer.stage.work
    pool, person = (
        await queries.pool(work, bought.account_id, bought.number),
        await bought.tenant.cast.person(told.email),
    )
    if pool.assigned < pool.purchased:
        raise InvalidInput(f"Nobody waits while seats are free, and {pool.purchased - pool.assigned} are.")
    waiting = places.seated(work, pool, person.id, told.email, told.source)
    waiting.state = SeatState.WAITLISTED
    work.add(waiting)
    work.emit(events.SeatWaitlisted(pool.account_id, waiting.id, pool.id), waiting)
