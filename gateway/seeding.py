"""Seeding: the demo scene, scenes from files, and the catalog that they need."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from billing import catalog_store
from billing.catalog import in_order
from gateway import catalog
from gateway.demonstration import demonstration
from gateway.scenes import load, read_file
from kernel import database
from kernel.audit import Origin
from kernel.id_blocks import IdBlocks
from kernel.work import Work


async def demo(url: str, now: datetime) -> dict[str, str]:
    """Put the demo scene into a database, with the catalog it needs; the public id of everything in it, by name.

    It ends at `now`, and a year of it lies before. Doing it again changes nothing.
    """
    await stocked(url, now)
    return await load(url, demonstration(), now)


async def scene(url: str, path: Path, now: datetime) -> dict[str, str]:
    """Put the scene of a file into a database, as `scenes.load` does. Raises SceneInvalid."""
    found = read_file(path)
    await stocked(url, now)
    return await load(url, found, now)


async def stocked(url: str, now: datetime) -> None:
    """Add the plans of our own catalog that a database doesn't know; those it knows stay as they are."""
    owner = database.engine(url, role=None, pool_size=0)
    work = Work(owner, now, ids=IdBlocks(), origin=Origin(request_id="seed", reason="The plans that scenes need."))
    try:
        async with work.transaction():
            known = await catalog_store.current(work)
            keys = {plan.key for plan in known.plans}
            missing = [plan for plan in catalog.read(catalog.FOLDER).plans if plan.key not in keys]
            if missing:
                await catalog_store.apply(work, in_order([*known.plans, *missing], coupons=known.coupons))
    finally:
        await work.close()
        await owner.dispose()
