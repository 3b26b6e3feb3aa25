"""Furnishing: what an installation is given before it answers its first request.

Everywhere that is an up-to-date database. In development an empty one also gets the
demo catalog and, once, a few people to try it with.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from gateway.installation import Say, clock, configure, insist_on_fence, migrated
from gateway.later import later
from gateway.settings import Environment, Settings
from kernel import database
from kernel.clock import SimulatedClock

if TYPE_CHECKING:
    from gateway import catalog, enlisting, scaling, seeding, trusting
else:
    # Needed once in the life of a database, and dear to every start.
    catalog = later("gateway.catalog")
    enlisting = later("gateway.enlisting")
    scaling = later("gateway.scaling")
    seeding = later("gateway.seeding")
    trusting = later("gateway.trusting")


async def ready(settings: Settings, url: str, tell: Say) -> str | None:
    """Make the database ready, and give the address of somebody to try it as, if there is one. Raises Unavailable."""
    configure(settings)
    await migrated(url, tell)
    await insist_on_fence(url)
    if settings.manifests:
        for registered in await trusting.register_folder(url, settings.manifests):
            tell(registered)
    if settings.in_production:
        return None
    async with database.connected(url) as owner:
        simulated = SimulatedClock(owner)
        if settings.clock:
            await simulated.begin(settings.clock)
        if settings.environment is Environment.DEVELOPMENT:
            await _furnish(settings, url, owner, await simulated.now(), tell)
        guide: str | None = await owner.fetchval(_GUIDE)
    return guide


async def seed(settings: Settings, url: str, scene: Path | None, tell: Say) -> dict[str, str]:
    """Add the scene of a file, or the demo; the public id of everything in it, by name. Raises InvalidInput."""
    now = await _now(settings, url, tell)
    names = await (seeding.scene(url, scene, now) if scene else seeding.demo(url, now))
    await enlisting.enlist(settings, url, now, tell)
    return names


async def scale(settings: Settings, url: str, count: int, tell: Say) -> str:
    """Add so many accounts with a year behind them; what was added, in one sentence. Raises InvalidInput, Conflict."""
    now = await _now(settings, url, tell)
    return (await scaling.scale_with_a_bar(url, count, now)).says


async def _now(settings: Settings, url: str, tell: Say) -> datetime:
    """The present instant of a database that was brought up to date for it."""
    configure(settings)
    await migrated(url, tell)
    async with clock(settings, url) as ticking:
        return await ticking.now()


async def _furnish(settings: Settings, url: str, owner: asyncpg.Connection, now: datetime, tell: Say) -> None:
    # Two starts at once take turns; the lock goes with the connection.
    await owner.execute("select pg_advisory_lock(hashtext('furnishing'))")
    if not await owner.fetchval("select exists (select from plan)"):
        tell("Applying the demo catalog.")
        await catalog.apply(settings, url, catalog.read(catalog.FOLDER))
    if not await owner.fetchval("select exists (select from person)"):
        tell("Adding people and a workspace to try things with.")
        await seeding.demo(url, now)
    if not settings.stripe_key and await owner.fetchval(_STRANGERS):
        await enlisting.enlist(settings, url, now, tell)


_STRANGERS = """
    select exists (select from payment_method where starts_with(rail_id, 'pm_scene_') and fingerprint is null
                   and detached_at is null)
"""
"""Whether a scene's instrument may still be unknown at the sandbox."""

_GUIDE = """
    select person.email from person
    left join member on member.person_id = person.id and member.state = 'active' and member.role = 'owner'
    where person.email <> ''
    order by member.id, person.id limit 1
"""
"""An owner of a workspace if there is one, for whom there is most to see."""
