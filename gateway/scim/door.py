"""HTTP for directories: whose token it is decides everything, and every refusal is one that SCIM knows."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import structlog
from scim2_models import (
    ConflictException,
    InvalidValueException,
    NotFoundException,
    PatchOp,
    PayloadTooLargeException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    SCIMException,
    UnauthorizedException,
    UniquenessException,
)
from scim2_server.conditions import Conditions
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import SCIM_MEDIA_TYPE, ScimResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import bearers
from auth.directories import queries, rules, tokens
from auth.directories.tables import Directory
from auth.policy import DIRECTORY, Actor, ActorKind, sees
from gateway.authentication import Door
from gateway.masking import STATUS, masked_exception
from gateway.requests import Malformed, body_of
from gateway.scim.moving import moved
from gateway.scim.resources import LARGEST_BODY, LARGEST_BULK, provider
from gateway.scim.service import Service
from gateway.scim.storage import Storage
from kernel import ids
from kernel.errors import Code, Problem
from kernel.work import Work
from seats.seating import AlreadySeated

PREFIX = "/scim/v2"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_PATH = re.compile(r"(?:/[A-Za-z0-9._:-]{1,200}){0,3}/?")
_LONGEST_QUERY = 8_000
_USED = timedelta(minutes=1)
_TRIES = 5
_READS = {"GET"}
_SHOWN = {"attributes", "excludedAttributes"}

log = structlog.get_logger("gateway.scim")


class ScimDoor:
    """The door for directories."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/") + PREFIX
        self._service = Service(provider())

    def routes(self) -> list[Route]:
        """The door."""
        return [Route(PREFIX + "{path:path}", self._answer, methods=METHODS)]

    async def _answer(self, request: Request) -> Response:
        try:
            asked = await self._asked(request)
            entrance: Door = request.app.state.door
            async with entrance.work(request, await entrance.clock.now()) as work:
                directory = await recognized(work, request)
                return _sent(await self._served(work, directory, asked))
        except Malformed as error:
            refusal = SCIMException(detail=masked_exception(error.fault)["message"])
            refusal.status = error.status
            return _sent(self._service.error_response(refusal), error.headers)
        except Exception as error:  # noqa: BLE001 - a directory gets a reference, never a traceback
            return _sent(self._service.error_response(refused(error)))

    async def _asked(self, request: Request) -> ScimRequest:
        """The request, of a size and a path that can be one. Raises Malformed, or NotFoundException."""
        path = request.path_params["path"]
        if not _PATH.fullmatch(path):
            raise NotFoundException(detail="There is nothing at this address.")
        if len(request.scope["query_string"]) > _LONGEST_QUERY:
            raise PayloadTooLargeException(detail=f"A query is at most {_LONGEST_QUERY:,} bytes.")
        bulk = path.strip("/") == "Bulk"
        return ScimRequest(
            method=request.method,
            base_url=self._base,
            path=path,
            query=dict(request.query_params),
            headers=list(request.headers.items()),
            body=bytes(await body_of(request, LARGEST_BULK if bulk else LARGEST_BODY)),
        )

    async def _served(self, work: Work, directory: Directory, asked: ScimRequest) -> ScimResponse:
        """The answer; what somebody else changed at the same moment is looked at again."""
        whole = not asked.query.keys().isdisjoint(_SHOWN)
        handler = _Handler(self._service, Storage(work, directory), whole=whole)
        for _ in range(_TRIES - 1):
            try:
                return await handler.handle(asked)
            except PreconditionFailedException:
                if asked.header("If-Match") is not None:
                    raise
                await work.rest()
        return await handler.handle(asked)


class _Handler(AsyncScimHandler):
    """scim2-server's operations, but members of groups come and go without a look at the others.

    What an operation of a bulk request refuses is told as any other refusal is.
    """

    def __init__(self, service: Service, storage: Storage, *, whole: bool) -> None:
        super().__init__(service, storage)
        self._rows = storage
        self._whole = whole
        """Whether the answer is to show what was changed."""

    async def patch_resource(
        self, resource_type: ResourceType, resource_id: str, patch_op: PatchOp[Any], conditions: Conditions
    ) -> Resource[Any]:
        """What a PATCH makes of a resource. Raises SCIM's refusals, or ours."""
        apart = resource_type.name == "Group" and not self._whole and conditions == Conditions()
        who = moved(patch_op) if apart else None
        if who is not None:
            return await self._rows.move(resource_id, who)
        return await super().patch_resource(resource_type, resource_id, patch_op, conditions)

    async def apply_bulk_operation(self, resource_type: Any, operation: Any) -> Any:
        """An operation that was validated. Raises SCIM's refusals."""
        try:
            return await super().apply_bulk_operation(resource_type, operation)
        except Exception as error:
            raise refused(error) from error


async def recognized(work: Work, request: Request) -> Directory:
    """The directory whose token a request shows; the work is its own from here. Raises UnauthorizedException."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    digest = bearers.digest(bearer.strip(), tokens.PREFIX) if scheme.lower() == "bearer" else None
    if digest is None:
        raise UnauthorizedException(detail="Show the token of a directory: Authorization: Bearer sgd_….")
    met = await queries.met(work, digest)
    if met is None or met.removed_at is not None:
        raise UnauthorizedException(detail="This token counts no more, or never did.")
    directory = met.directory
    if directory.disabled_at is not None:
        raise UnauthorizedException(detail="This directory was disabled.")
    actor = Actor(
        kind=ActorKind.DIRECTORY,
        grants={directory.account_id: DIRECTORY},
        directory_id=directory.id,
        token=ids.encode("token", met.token_id),
    )
    told = sees(actor)
    if request.method not in _READS:
        # Whoever an address belongs to may be in no workspace yet, or in another.
        told = told | {"staff": "on"}
    await work.see_as(told, replace(work.origin, actor=actor.kind.value, token=actor.token))
    if met.last_used_at is None or work.now - met.last_used_at > _USED:
        async with work.transaction():
            await work.bind(directory.account_id)
            await queries.note_use(work, directory.account_id, met.token_id)
    return directory


_REFUSALS: tuple[tuple[tuple[type[Exception], ...], type[SCIMException]], ...] = (
    ((rules.UserNameTaken,), UniquenessException),
    ((rules.ForeignAddress, rules.TooMuch, rules.UnknownMember), InvalidValueException),
    ((rules.Raced, AlreadySeated), PreconditionFailedException),
    ((Problem,), ConflictException),
)
"""What our refusals are to SCIM; the first that fits."""


def refused(error: Exception) -> SCIMException:
    """What went wrong, as SCIM says it."""
    if isinstance(error, SCIMException):
        return error
    for kinds, known in _REFUSALS:
        if isinstance(error, kinds):
            return known(detail=str(error))
    shown = masked_exception(error)
    hidden = SCIMException(detail=shown["message"])
    hidden.status = STATUS[Code(shown["extensions"]["code"])]
    return hidden


def _sent(answer: ScimResponse, more: dict[str, str] | None = None) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"} | answer.headers | (more or {})
    headers["Content-Type"] = f"{SCIM_MEDIA_TYPE}; charset=utf-8"
    body = b"" if answer.body is None else orjson.dumps(answer.body)
    return Response(body, int(answer.status), headers)
