"""What the protocol keeps its resources in: our rows, as resources, for the directory that speaks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from scim2_models import (
    InvalidFilterException,
    Meta,
    NotFoundException,
    NotImplementedException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimFilter,
    SearchRequest,
)
from scim2_models.context import Context
from scim2_server.storage import AsyncScimStorage, SearchPage

from auth.addresses import address, is_address
from auth.directories import listing
from auth.directories.listing import Where
from auth.directories.rules import Raced, Told
from auth.directories.tables import Directory, DirectoryUser
from gateway.scim.filters import Column, condition, instant
from gateway.scim.resources import Seat, UserResource
from kernel import ids
from kernel.errors import InvalidInput, NotFound
from kernel.work import Work
from seats import provisioning

USER = "user"
"""The prefix of the ids of users."""

_SEAT = str(Seat.__schema__)
_OURS = {"id", "meta", "schemas", "groups", "password", "externalId", "userName"}
"""What of a resource is no part of the document that a directory told."""


class Storage(AsyncScimStorage):
    """The entries of one directory, in one request."""

    def __init__(self, work: Work, directory: Directory) -> None:
        self._work = work
        self._directory = directory

    async def get(
        self,
        resource_type: ResourceType,  # noqa: ARG002 - there is one type so far
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 - a row is read whole
    ) -> Resource[Any]:
        """A resource. Raises NotFoundException."""
        row = await listing.user(self._work, self._directory.id, _number(USER, resource_id))
        if row is None:
            raise NotFoundException
        return (await self._users([row]))[0]

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002 - cursors are not offered
    ) -> SearchPage:
        """A page of what meets a filter. Raises InvalidFilterException."""
        if len(resource_types) > 1:
            raise NotImplementedException(detail="Search /Users or /Groups: all of them at once can't be searched.")
        where = self._where(search_request)
        most = search_request.count if search_request.count is not None else 100
        skip = (search_request.start_index or 1) - 1
        total, rows = await listing.users(
            self._work, self._directory.account_id, self._directory.id, where, skip=min(skip, 2**31), most=most
        )
        return SearchPage(total, await self._users(rows))

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:  # noqa: ARG002 - there is one type so far
        """Keep a new resource, and do what it means."""
        row = await provisioning.add(self._work, self._directory, _told(resource))
        return (await self._users([row]))[0]

    async def update(
        self,
        resource_type: ResourceType,  # noqa: ARG002 - there is one type so far
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        """Keep what a resource is from now on, and do what that means."""
        number = _number(USER, resource.id or "")
        try:
            row = await provisioning.change(
                self._work, self._directory, number, _told(resource), _version(expected_version)
            )
        except NotFound:
            raise NotFoundException from None
        except Raced:
            raise PreconditionFailedException from None
        return (await self._users([row]))[0]

    async def delete(
        self,
        resource_type: ResourceType,  # noqa: ARG002 - there is one type so far
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        """Forget a resource, and do what that means."""
        number = _number(USER, resource_id)
        try:
            await provisioning.remove(self._work, self._directory, number, _version(expected_version))
        except NotFound:
            raise NotFoundException from None
        except Raced:
            raise PreconditionFailedException from None

    async def _users(self, rows: Sequence[DirectoryUser]) -> list[Resource[Any]]:
        people = [row.person_id for row in rows if row.person_id is not None and row.active]
        seats = await listing.seat_states(self._work, self._directory.account_id, people) if people else {}
        return [_user(row, seats.get(row.person_id or 0)) for row in rows]

    def _where(self, asked: SearchRequest[Any]) -> Where:
        if asked.filter is None:
            return Where()
        return condition(ScimFilter[UserResource](str(asked.filter)), _COLUMNS, "u.document", 3)  # type: ignore[valid-type]


def _user(row: DirectoryUser, seat: str | None) -> Resource[Any]:
    told = row.document | {"userName": row.user_name, "externalId": row.external_id}
    made = UserResource.model_validate(told, scim_ctx=Context.DEFAULT)
    made.id = ids.encode(USER, row.id)
    made.meta = Meta(
        resource_type="User", created=row.created_at, last_modified=row.changed_at, version=f'W/"{row.version}"'
    )
    wanted = made[Seat].seat_wanted if made[Seat] else None
    if seat or wanted is not None:
        made[Seat] = Seat(seat_wanted=wanted, seat_status=seat)
    return made


def _told(resource: Resource[Any]) -> Told:
    """What a resource tells of somebody."""
    said: dict[str, Any] = resource.model_dump(mode="json", scim_ctx=Context.DEFAULT)
    name = said.get("name") or {}
    parts = " ".join(part for part in (name.get("givenName"), name.get("familyName")) if part)
    wanted = (said.get(_SEAT) or {}).get("seatWanted")
    document = {name: value for name, value in said.items() if name not in _OURS} | {_SEAT: {"seatWanted": wanted}}
    if wanted is None:
        del document[_SEAT]
    return Told(
        user_name=str(said.get("userName") or ""),
        external_id=said.get("externalId"),
        active=said.get("active"),
        addresses=tuple(_addresses(said.get("emails") or [])),
        name=said.get("displayName") or name.get("formatted") or parts,
        seat_wanted=wanted is not False,
        document=document,
    )


def _addresses(emails: Sequence[dict[str, Any]]) -> list[str]:
    """The addresses of an entry, in our form: the primary one first, then those for work."""
    preferred = sorted(emails, key=lambda email: (not email.get("primary"), email.get("type") != "work"))
    return [address(email["value"]) for email in preferred if is_address(email.get("value") or "")]


def _number(prefix: str, text: str) -> int:
    with suppress(InvalidInput):
        return ids.decode(prefix, text)
    raise NotFoundException


def _version(tag: str | None) -> int | None:
    return None if tag is None else int(tag.strip('W/"'))


def _id(text: Any) -> int:
    """The number of an id in a filter; none has the number that stands for what is no id."""
    with suppress(InvalidInput):
        return ids.decode(USER, str(text))
    return -1


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidFilterException(detail="`active` is true or false.")
    return value


_COLUMNS = {
    "id": Column("u.id", "bigint", _id),
    "userName": Column("u.user_name"),
    "externalId": Column("u.external_id"),
    "active": Column("u.active", "boolean", _boolean),
    "meta.created": Column("u.created_at", "timestamptz", instant),
    "meta.lastModified": Column("u.changed_at", "timestamptz", instant),
}
"""Which attributes of users are columns."""
