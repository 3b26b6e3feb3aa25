"""What whoever opened a setup link does on its pages: the graph is asked as any other client asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry
from starlette.requests import Request

from auth.policy import Setting
from auth.setup import queries
from auth.setup.rules import BEARER, COUNTS_FOR, SetupPurpose
from gateway import cards
from gateway.authentication import Door
from gateway.budgets import Bill
from gateway.documents import Document, Documents
from gateway.executor import execute
from gateway.masking import masked
from gateway.setup_forms import AFTER, Filled, refused
from kernel import ids
from kernel.errors import Code, Fault, Unauthenticated
from resolvers.info import Context

Charge = Callable[[Request, Any, int], Awaitable[Bill]]

_PREFIX = {SetupPurpose.SSO: "sso", SetupPurpose.DIRECTORY: "directory", SetupPurpose.DOMAIN: "domain"}
_SUBJECT = {SetupPurpose.SSO: "connection", SetupPurpose.DIRECTORY: "directory", SetupPurpose.DOMAIN: "domain"}
"""What the mutations call the thing that a link is for."""

_REFUSED = "__typename ... on Problem { message }"
_SHOWS = {
    "createSsoConnection": _REFUSED,
    "createSamlConnection": _REFUSED,
    "startSsoTest": "url",
    "changeSsoConnection": _REFUSED,
    "changeSamlConnection": "id",
    "addSsoCertificate": _REFUSED,
    "createDirectory": "id",
    "rotateDirectoryToken": f"{_REFUSED} ... on DirectoryTokenShown {{ text }}",
    "addDomain": _REFUSED,
    "verifyDomain": _REFUSED,
}
_LOOK = {
    SetupPurpose.SSO: (
        "... on SingleSignOn { kind name issuer clientId"
        " signInUrl emailAttribute nameAttribute subjectAttribute certificates { fingerprint expiresAt }"
        " logins(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { state steps reason } } }"
    ),
    SetupPurpose.DIRECTORY: "... on Directory { name tokens { createdAt } }",
    SetupPurpose.DOMAIN: "... on Domain { name record value verifiedAt }",
}


@dataclass(frozen=True, slots=True)
class Stand:
    """How far whoever opened a link has come."""

    purpose: SetupPurpose
    workspace: str
    """The workspace's name."""

    until: datetime
    made: str | None
    """The id of what was made."""

    thing: Mapping[str, Any] | None
    """What they see of it."""


class Told(Exception):  # noqa: N818 - what a client is told of a fault
    """What any client would have been told instead of data."""

    def __init__(self, message: str, code: Code) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class Visit:
    """One request of whoever opened a link."""

    def __init__(self, acts: Acts, request: Request, context: Context, setting: Setting) -> None:
        self._acts, self._request, self._context = acts, request, context
        self._setting = setting
        self.purpose = SetupPurpose(setting.purpose)

    @property
    def made(self) -> str | None:
        """The id of what was made with the link."""
        setting = self._context.actor.setting
        number = setting.made_id if setting else None
        return None if number is None else ids.encode(_PREFIX[self.purpose], number)

    async def stand(self) -> Stand:
        """How things stand now."""
        row = await queries.seen(self._context.work, self._setting.link_id)
        assert row.opened_at is not None, "its bearer counts"
        name = await self._ask("query ($id: ID!) { workspace(id: $id) { name } }", id=self._workspace)
        thing = None
        if self.made is not None:
            source = f"query ($id: ID!) {{ node(id: $id) {{ {_LOOK[self.purpose]} }} }}"
            thing = (await self._ask(source, id=self.made))["node"]
        return Stand(self.purpose, name["workspace"]["name"], row.opened_at + COUNTS_FOR, self.made, thing)

    async def do(self, found: Filled) -> tuple[Filled, str | None]:
        """Do what was filled in; with what was wrong then, and what is shown once of what came of it."""
        mutation, made = found.form.mutation, self.made
        if found.form in AFTER[self.purpose]:
            assert made is not None, "it is offered of what is there"
            input_ = {_SUBJECT[self.purpose]: made, **found.input}
        else:
            input_ = {"workspace": self._workspace, **found.input}
        title = f"{mutation[0].upper()}{mutation[1:]}Input"
        source = f"mutation ($input: {title}!) {{ done: {mutation}(input: $input) {{ {_SHOWS[mutation]} }} }}"
        try:
            cards.refuse(found.input)
            told = await self._ask(source, input=input_)
        except (Fault, Told) as fault:
            return refused(found, fault.message, ours=fault.code is not Code.INVALID_INPUT), None
        done = told["done"]
        if "message" in done:
            return refused(found, done["message"], ours=False), None
        return found, done.get("url") or done.get("text")

    @property
    def _workspace(self) -> str:
        return ids.encode("workspace", next(iter(self._context.actor.grants)))

    async def _ask(self, source: str, **variables: Any) -> dict[str, Any]:
        return await self._acts.ask(self._request, self._context, source, variables)


class Acts:
    """Asks the graph for whoever opened a link; their budget pays."""

    def __init__(self, schema: strawberry.Schema, documents: Documents, charge: Charge) -> None:
        self._schema, self._documents, self._charge = schema, documents, charge

    @asynccontextmanager
    async def visit(self, request: Request, bearer: str) -> AsyncIterator[Visit]:
        """Whoever opened a link, by what they were given. Raises Unauthenticated where it counts no more."""
        entrance: Door = request.app.state.door
        if not bearer.startswith(BEARER):
            raise Unauthenticated("Open a setup link first.")
        async with entrance.context(request, f"Bearer {bearer}") as context:
            assert context.actor.setting is not None, "the bearer of a link was believed"
            yield Visit(self, request, context, context.actor.setting)

    async def ask(self, request: Request, context: Context, source: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of one operation. Raises Told, or a Fault where the budget is spent."""
        document = self._documents.read(source)
        assert isinstance(document, Document), "the documents of the pages are valid"
        operation = document.operation(None)
        bill = await self._charge(request, context, self._documents.cost(operation, variables))
        outcome = await execute(self._schema, document, operation, variables, context)
        bill.settle(operation.cost.used(outcome.data))
        if outcome.errors:
            shown = masked(outcome.errors)[0]
            raise Told(shown["message"], Code(shown["extensions"]["code"]))
        assert outcome.data is not None
        return outcome.data
