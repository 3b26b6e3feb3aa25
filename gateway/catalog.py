"""The catalog at the command line: its files checked, compared with what is sold, and applied."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from billing import catalog_files, catalog_store
from billing.catalog import Catalog
from billing.catalog_changes import CatalogRefused, Change, Refusal
from billing.catalog_diff import diff
from billing.catalog_files import CatalogInvalid
from gateway.installation import clock
from gateway.settings import Settings
from kernel import database
from kernel.audit import Origin
from kernel.errors import Conflict, InvalidInput
from kernel.id_blocks import IdBlocks
from kernel.work import Work

FOLDER = Path(__file__).resolve().parent.parent / "catalog"
"""The catalog that comes with the product, beside its packages wherever they are installed."""


def read(folder: Path) -> Catalog:
    """The catalog of a folder. Raises InvalidInput with each mistake on a line: file, line and reason."""
    try:
        return catalog_files.read(folder)
    except CatalogInvalid as invalid:
        raise InvalidInput(str(invalid)) from None


def summary(catalog: Catalog) -> str:
    """What a catalog holds, in one sentence."""
    versions = [version for plan in catalog.plans for version in plan.versions]
    prices = sum(len(version.prices) for version in versions)
    coupons = f", {len(catalog.coupons)} coupons" if catalog.coupons else ""
    return f"The catalog holds: {len(catalog.plans)} plans, {len(versions)} versions, {prices} prices{coupons}."


async def differences(settings: Settings, url: str, wanted: Catalog) -> list[str]:
    """What applying the catalog would change, a line for each, with how many subscriptions it touches."""
    async with _work(settings, url) as work:
        changes = diff(await catalog_store.current(work), wanted)
        touched = await catalog_store.touched(work, changes)
    return list(_table((change, touched[change]) for change in changes))


async def apply(settings: Settings, url: str, wanted: Catalog) -> list[str]:
    """Bring the catalog in the database to the wanted one, and tell what changed. Raises Conflict."""
    async with _work(settings, url) as work, work.transaction():
        try:
            changes = await catalog_store.apply(work, wanted)
        except CatalogRefused as refused:
            raise Conflict(f"{refused}\nNothing was changed.") from None
    return [change.says for change in changes]


@asynccontextmanager
async def _work(settings: Settings, url: str) -> AsyncIterator[Work]:
    """A unit of work of the owner, who alone may write the catalog."""
    owner = database.engine(url, role=None, pool_size=0)
    async with clock(settings, url) as ticking:
        work = Work(owner, await ticking.now(), ids=IdBlocks(), origin=Origin(reason="catalog apply"))
    try:
        yield work
    finally:
        await work.close()
        await owner.dispose()


def _table(changes: Iterator[tuple[Change, int]]) -> Iterator[str]:
    for change, touched in changes:
        kind = " ".join(re.findall("[A-Z][a-z]*", type(change).__name__)).lower()
        refused = " (can't be applied)" if isinstance(change, Refusal) else ""
        yield f"{kind}{refused}: {change.says} {_subscriptions(touched)}".rstrip()


def _subscriptions(count: int) -> str:
    """How many subscriptions a change touches, where it touches any."""
    return f"[{count:,} running subscription{'' if count == 1 else 's'}]" if count else ""
