"""The demo scene behind the product's front door, for whoever the documentation says asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from auth import operations
from gateway import development, seeding
from gateway.app import build
from gateway.installation import configure, signer
from gateway.settings import Settings
from kernel import database, ids
from kernel.clock import SimulatedClock
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from tests.docs.pages import Example

_FOLLOWED = {"invoice": "invoice", "payment": "payment", "subscription": "subscription", "seat": "assignment"}
"""What can be followed, by its name in events, and the table of its rows."""

SECRET = "as long as a secret has to be, and no longer"


@dataclass(frozen=True, slots=True)
class Demo:
    """One application on one database with the demo scene."""

    settings: Settings
    url: str
    app: Starlette
    client: httpx2.AsyncClient
    names: Mapping[str, str]
    """The public id of everything in the scene, by name."""

    async def ask(self, example: Example) -> dict[str, Any]:
        """The whole answer to an example."""
        headers = {"accept": "application/graphql-response+json"}
        if example.who:
            headers["authorization"] = f"Bearer {await self._bearer(example.who)}"
        if example.reason:
            headers["seatgraph-reason"] = example.reason
        body = {"query": example.document, "variables": await self._filled(example)}
        response = await self.client.post("/graphql", json=body, headers=headers)
        answer: dict[str, Any] = response.json()
        return answer

    async def asked(self, example: Example) -> tuple[dict[str, Any], str]:
        """The variables of an example, filled in, and the bearer of who asks it."""
        assert example.who, "nobody follows without a name"
        return await self._filled(example), await self._bearer(example.who)

    async def stir(self, variables: Mapping[str, Any]) -> None:
        """Once somebody follows, tell of one thing of each kind that the account of these variables has."""
        _, account = ids.parse(variables.get("account") or variables["workspace"])
        async with asyncio.timeout(10):
            while not _followed(self.app, account):  # noqa: ASYNC110 - the feed has nobody to tell it to
                await asyncio.sleep(0.005)
        async with database.connected(self.url) as owner:
            for subject, table in _FOLLOWED.items():
                await owner.execute(
                    "insert into outbox (id, account_id, at, name, payload, request_id)"
                    " select nextval('id_block') * 1024, $1, now(), $2 || '.changed', jsonb_build_object($2, max(id)),"
                    f" '' from {table} where account_id = $1 having max(id) is not null",
                    account,
                    subject,
                )

    async def _bearer(self, email: str) -> str:
        if email not in self.names:
            await self._sign_up(email)
        return await development.access_token(self.settings, self.url, email)

    async def _sign_up(self, email: str) -> None:
        """Let somebody whom the scene invites come for the first time."""
        engine = database.engine(self.url, role=None, pool_size=0)
        work = Work(engine, await _now(self.url), ids=IdBlocks())
        async with work.transaction():
            await operations.sign_up(work, "test", email, email, None)
        await work.close()
        await engine.dispose()

    async def _filled(self, example: Example) -> Any:
        looked_up = {"price", "item"}
        own = {"account": f"{example.who}/account", "workspace": "Northwind Labs"}
        things = {
            kind: self._called(name) for kind, name in (own | dict(example.things)).items() if kind not in looked_up
        }
        if "price" in example.things:
            things["price"] = await self._price(*example.things["price"].split())
        if "item" in example.things:
            things["item"] = await self._item(self._called(example.things["item"]))
        return filled(example.variables, things)

    def _called(self, name: str) -> str:
        return next((self.names[known] for known in sorted(self.names) if fnmatchcase(known, name)), "")

    async def _item(self, subscription: str) -> str:
        """The first item of a subscription."""
        async with database.connected(self.url) as owner:
            number = await owner.fetchval(
                "select min(id) from subscription_item where subscription_id = $1", ids.decode("sub", subscription)
            )
        return ids.encode("item", number)

    async def _price(self, plan: str, interval: str, currency: str) -> str:
        async with database.connected(self.url) as owner:
            number = await owner.fetchval(
                "select price.id from price join plan on plan.id = price.plan_id"
                " where plan.key = $1 and price.interval = $2 and price.currency = $3 and price.meter is null",
                plan,
                interval,
                currency,
            )
        return ids.encode("price", number)


def _followed(app: Starlette, account: int) -> bool:
    followers = app.state.live.feed._followers.get(account, set())
    return bool(followers) and all(each._live for each in followers)


@asynccontextmanager
async def opened(settings: Settings, url: str, names: Mapping[str, str]) -> AsyncIterator[Demo]:
    """The application on a database that holds the demo scene."""
    app = build(settings, url, signer(settings), working=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://seatgraph.test") as client,
    ):
        yield Demo(settings, url, app, client, names)


def settled(home: Path) -> Settings:
    """The settings of an installation whose home this is."""
    told = {"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": SECRET, "SEATGRAPH_HOME": home}
    return Settings.model_validate(told)


async def seeded(settings: Settings, url: str) -> dict[str, str]:
    """Put the demo scene into a migrated database; the public id of everything in it, by name."""
    configure(settings)
    return await seeding.demo(url, await _now(url))


def filled(written: Any, things: Mapping[str, str]) -> Any:
    """The variables with the ids of these things in the place of `"pool_…"` and the like."""
    match written:
        case dict():
            return {name: filled(value, things) for name, value in written.items()}
        case list():
            return [filled(value, things) for value in written]
        case str() if written.endswith("_…"):
            found = things.get(written.removesuffix("_…"))
            assert found, f"nothing says which {written} is meant"
            return found
        case _:
            return written


def alike(shown: Any, came: Any) -> bool:
    """Whether an answer is the one that a page shows, in which … is anything."""
    match shown, came:
        case dict(), dict():
            return shown.keys() == came.keys() and all(alike(shown[name], came[name]) for name in shown)
        case list(), list():
            return len(shown) == len(came) and all(map(alike, shown, came))
        case str(), str() if "…" in shown:
            return fnmatchcase(came, shown.replace("…", "*"))
        case _:
            return type(shown) is type(came) and bool(shown == came)


def selections(answer: Any, name: str) -> Iterable[Any]:
    """Everything of this name in an answer, at any depth."""
    if isinstance(answer, dict):
        yield from (value for key, value in answer.items() if key == name)
    inside = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ()
    for each in inside:
        yield from selections(each, name)


async def _now(url: str) -> datetime:
    async with database.connected(url) as owner:
        return await SimulatedClock(owner).now()
