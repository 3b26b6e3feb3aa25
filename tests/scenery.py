"""Scenery: one application on a database, its catalog, and a client of it.

    world       the application; it makes persons, keys and workspaces
    scene       one workspace with a member of every role, and whatever a test adds to it

Rows are put there by the owner of the database. Everything that is asked goes in
through the front door: over HTTP, as the role that the product works as.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, cast

import asyncpg
import httpx2
from sqlmodel import SQLModel
from starlette.applications import Starlette

from auth import keys
from auth.policy import Desk, KeyScope, Role
from auth.tables import Account, AccountKind, Identity, Person, ServiceKey, Session, Staff, Workspace
from auth.tokens import Claim, Signer, generate, private_key
from gateway.app import build
from gateway.settings import Settings
from kernel import database, ids
from kernel.clock import SimulatedClock
from kernel.id_blocks import IdBlocks
from kernel.readers import Readers
from tests.agreeing import Agreement
from tests.auth.forging import jwk, rsa_key, signed
from tests.auth.naming import NameServer, name_server
from tests.auth.providing import Provider, provider
from tests.auth.publishing import key_set, publisher
from tests.scene import HOUR, KEY_LIVES, Key, Scene, Somebody
from tests.stock import Catalog, Offer, put, stocked

__all__ = ["Catalog", "Key", "Offer", "Reply", "Scene", "Somebody", "World", "opened", "put"]

WEBHOOK_SECRET = "whsec_of_tests"
SETTINGS = {
    "SEATGRAPH_ENV": "test",
    "SEATGRAPH_SECRET": "as long as a secret has to be, and no longer",
    "SEATGRAPH_BUDGET": "1000000000",
    "SEATGRAPH_APPS": "com.acme.app:/signed-in",
    "STRIPE_WEBHOOK_SECRETS": f"whsec_of_yesterday,{WEBHOOK_SECRET}",
}
ISSUER, AUDIENCE, KID = "https://id.example", "seatgraph", "one"
SECOND = timedelta(seconds=1)

SESSION_LIVES = timedelta(days=400)


class Reply(NamedTuple):
    """What came back: the HTTP status, and the body."""

    status: int
    json: dict[str, Any]

    @property
    def data(self) -> Any:
        """The answer, insisting that nothing went wrong."""
        assert "errors" not in self.json, self.json["errors"]
        return self.json["data"]

    @property
    def codes(self) -> list[str]:
        """The code of each error."""
        return [error["extensions"]["code"] for error in self.json.get("errors", [])]

    @property
    def code(self) -> str | None:
        """The code of the only error, or None."""
        assert len(self.codes) <= 1, self.json["errors"]
        return next(iter(self.codes), None)


Asker = Somebody | Key | str | None
"""Who asks: a person, a key, the text of a bearer, or nobody."""


@dataclass(slots=True)
class World:
    """One application on one database, and a client of it."""

    app: Starlette
    url: str
    client: httpx2.AsyncClient
    owner: asyncpg.Pool
    signer: Signer
    catalog: Catalog
    blocks: IdBlocks
    provider: Provider
    names: NameServer
    agreement: Agreement

    # Asking

    async def ask(
        self,
        document: str,
        as_: Asker = None,
        *,
        reason_: str | None = None,
        headers_: Mapping[str, str] | None = None,
        **variables: Any,
    ) -> Reply:
        """Ask a document with these variables."""
        response = await self.post({"query": document, "variables": variables}, as_, reason_=reason_, headers_=headers_)
        # What is left of a budget differs from answer to answer; its own tests look at it.
        told = {name: value for name, value in response.json().items() if name != "extensions"}
        return Reply(response.status_code, told)

    async def change(
        self, mutation: str, as_: Asker = None, *, shows_: str = "__typename", reason_: str | None = None, **input_: Any
    ) -> Reply:
        """Ask for one mutation with this input; `shows_` is what to select of its result."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        document = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {shows_} }} }}"
        return await self.ask(document, as_, reason_=reason_, input=input_)

    async def post(
        self, body: Any, as_: Asker = None, *, reason_: str | None = None, headers_: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """The whole HTTP response to a request."""
        headers = {"accept": "application/graphql-response+json", **(headers_ or {})}
        if as_ is not None:
            headers["authorization"] = f"Bearer {as_ if isinstance(as_, str) else as_.bearer}"
        if reason_ is not None:
            headers["seatgraph-reason"] = reason_
        return await self.client.post("/graphql", json=body, headers=headers)

    # Arranging

    async def now(self) -> datetime:
        """The time by the clock of this database."""
        return await SimulatedClock(self.owner).now()

    async def advance(self, by: timedelta) -> datetime:
        """Move the clock by whole seconds, up if need be; bearers made before may have expired then."""
        # The sandbox's clock moves by whole seconds: both begin theirs at the same instants as long as this does.
        return await SimulatedClock(self.owner).advance(-(-by // SECOND) * SECOND)

    def number(self) -> int:
        """An id that nobody has."""
        return self.blocks.take()

    async def put(self, *rows: SQLModel) -> None:
        """Put rows there, in this order."""
        async with self.connection() as connection:
            await put(connection, *rows)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction of the owner."""
        async with self.owner.acquire() as lent, lent.transaction():
            yield cast("asyncpg.Connection", lent)

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """What the database holds, as its owner sees it."""
        found: list[asyncpg.Record] = await self.owner.fetch(sql, *values)
        return found

    async def value(self, sql: str, *values: Any) -> Any:
        """The only value of the only row."""
        return await self.owner.fetchval(sql, *values)

    async def run(self, sql: str, *values: Any) -> None:
        """Change the database as its owner."""
        await self.owner.execute(sql, *values)

    async def person(
        self, name: str = "ada", *, email: str | None = None, verified: bool = True, desk: Desk | None = None
    ) -> Somebody:
        """Somebody with an account of their own, signed in; with a desk, one of our own staff."""
        (found,) = await self.people([name], email=email, verified=verified, desk=desk)
        return found

    async def people(
        self, names: Iterable[str], *, email: str | None = None, verified: bool = True, desk: Desk | None = None
    ) -> list[Somebody]:
        """Several persons at once."""
        now = await self.now()
        made = [self._somebody(name, email, now) for name in names]
        await self.put(
            *(
                Person(id=one.number, email=one.email, email_verified=verified, name=name_of(one), created_at=now)
                for one in made
            ),
            *(Identity(issuer="dev", subject=one.id, person_id=one.number, created_at=now) for one in made),
            *(_own_account(one, now) for one in made),
            *(self._session(one, now) for one in made),
            *(Staff(person_id=one.number, desk=desk) for one in made if desk),
        )
        return made

    def _somebody(self, name: str, email: str | None, now: datetime) -> Somebody:
        number, session = self.number(), self.number()
        return Somebody(
            number,
            self.number(),
            session,
            email or f"{name}.{number:x}@example.test",
            self.bearer(number, session, now),
        )

    def _session(self, one: Somebody, now: datetime) -> Session:
        return Session(
            id=one.session_number, person_id=one.number, issuer="dev", created_at=now, expires_at=now + SESSION_LIVES
        )

    def bearer(self, person: int, session: int, now: datetime, epoch: int = 0) -> str:
        """A token of ours that lives for an hour from `now`."""
        claim = Claim(ids.encode("person", person), ids.encode("session", session), epoch)
        return self.signer.sign(claim, now, HOUR)

    async def foreign_bearer(self, subject: str, **claims: Any) -> str:
        """A token of the issuer that this application trusts, who names its subject so."""
        now = int((await self.now()).timestamp())
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 300, **claims}
        return signed({"alg": "RS256", "kid": KID, "typ": "at+jwt"}, said, rsa_key(KID))

    async def key(self, account: int, scopes: Iterable[KeyScope], by: Somebody, *, life: timedelta = KEY_LIVES) -> Key:
        """A service key that speaks for an account."""
        number, now = self.number(), await self.now()
        minted = keys.mint(ids.encode("key", number))
        row = ServiceKey(
            account_id=account,
            id=number,
            name="CI",
            scopes=sorted(scope.value for scope in scopes),
            created_by=by.number,
            created_at=now - HOUR,
            expires_at=now + life,
            hash=minted.digest,
        )
        await self.put(row)
        return Key(number, minted.text)

    async def workspace(self, *, name: str = "Acme", roles: Iterable[Role] = tuple(Role)) -> Scene:
        """A workspace of its own, with one member of each of these roles."""
        wanted, now, number = list(roles), await self.now(), self.number()
        people = await self.people([role.value for role in wanted])
        made = Scene(self, number, dict(zip(wanted, people, strict=True)))
        await self.put(
            _workspace_account(number, name, now),
            Workspace(id=number, name=name, created_at=now),
            *(made.membership(who, role, now) for role, who in made.members.items()),
        )
        return made


# Rows


def name_of(one: Somebody) -> str:
    """What a person is called: what stands before the dot of their address."""
    return one.email.partition("@")[0].partition(".")[0].title()


def _own_account(one: Somebody, now: datetime) -> Account:
    return Account(
        id=one.account_number,
        kind=AccountKind.PERSON,
        person_id=one.number,
        name=name_of(one),
        email=one.email,
        created_at=now,
    )


def _workspace_account(number: int, name: str, now: datetime) -> Account:
    return Account(
        id=number, kind=AccountKind.WORKSPACE, name=name, email=f"billing.{number:x}@example.test", created_at=now
    )


# The world


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[World]:
    """The application on this database, with its catalog, for as long as it is needed."""
    signer = Signer("seatgraph", "seatgraph", private_key(_signing_key()))
    async with publisher(key_set(jwk(rsa_key(KID), KID))) as published, provider() as providing, name_server() as names:
        told = [{"issuer": ISSUER, "audience": AUDIENCE, "jwks": published.uri}]
        settings = Settings.model_validate(
            SETTINGS
            | {
                "SEATGRAPH_ISSUERS": json.dumps(told),
                "SEATGRAPH_NAMESERVERS": f"127.0.0.1:{names.port}",
            }
        )
        app = build(settings, url, signer, working=False)
        app.state.reads.after = 0
        reads, readers = app.state.reads, Readers(url)
        reads.witness = (agreement := Agreement(reads.schema, reads=reads, readers=readers)).witness
        app.state.reads.onlooker = agreement.onlooker
        owner = await database.pool(url, role=None, size=3)
        blocks = IdBlocks()
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://seatgraph.test") as client,
        ):
            async with database.connected(url) as connection:
                await blocks.reserve(connection, 200_000)
                catalog = await stocked(connection, blocks)
            yield World(app, url, client, owner, signer, catalog, blocks, providing, names, agreement)
        await owner.close()
        await readers.close()
        assert not agreement.differences, agreement.differences[0]


@cache
def _signing_key() -> str:
    return generate()
