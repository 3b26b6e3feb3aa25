"""Users: the entries of a directory, as the protocol knows them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from scim2_models import InvalidFilterException, NotFoundException, Resource, ScimFilter
from scim2_models.context import Context

from auth.addresses import address, is_address
from auth.directories import grouping, listing
from auth.directories.listing import Where
from auth.directories.rules import Told
from auth.directories.tables import Directory, DirectoryUser
from gateway.scim.filters import Column, condition, instant
from gateway.scim.resources import GROUP, USER, Seat, UserResource, described, named, number
from kernel import ids
from kernel.work import Work
from seats import provisioning

_SEAT = str(Seat.__schema__)
_OURS = {"id", "meta", "schemas", "groups", "password", "externalId", "userName"}
"""What of a resource is no part of the document that a directory told."""


class Users:
    """The users of one directory, in one request."""

    def __init__(self, work: Work, directory: Directory) -> None:
        self._work = work
        self._directory = directory

    async def get(self, resource_id: str) -> Resource[Any]:
        """A user. Raises NotFoundException."""
        row = await listing.user(self._work, self._directory.id, number(USER, resource_id))
        if row is None:
            raise NotFoundException
        return (await self._shown([row]))[0]

    async def search(
        self,
        filter_: str | None,
        skip: int,
        most: int,
        *,
        whole: bool,  # noqa: ARG002 - a user is always whole
    ) -> tuple[int, list[Resource[Any]]]:
        """How many users meet a filter, and a page of them. Raises InvalidFilterException."""
        where = Where()
        if filter_ is not None:
            where = condition(ScimFilter[UserResource](filter_), _COLUMNS, "u.document", 3)  # type: ignore[valid-type]
        mine = (self._directory.account_id, self._directory.id)
        total, rows = await listing.users(self._work, *mine, where, skip=skip, most=most)
        return total, await self._shown(rows)

    async def create(self, resource: Resource[Any]) -> Resource[Any]:
        """A new user, and what that means."""
        row = await provisioning.add(self._work, self._directory, _told(resource))
        return _user(row, (await self._seats([row])).get(row.person_id or 0), None)

    async def update(self, resource: Resource[Any], version: int | None) -> Resource[Any]:
        """What a user is from now on, and what that means."""
        found = number(USER, resource.id or "")
        row = await provisioning.change(self._work, self._directory, found, _told(resource), version)
        return (await self._shown([row]))[0]

    async def delete(self, resource_id: str, version: int | None) -> None:
        """Take a user out, and do what that means."""
        await provisioning.remove(self._work, self._directory, number(USER, resource_id), version)

    async def _shown(self, rows: Sequence[DirectoryUser]) -> list[Resource[Any]]:
        seats = await self._seats(rows)
        groups: dict[int, list[dict[str, str]]] = {}
        for found in await grouping.groups_of(self._work, self._directory.account_id, [row.id for row in rows]):
            text = ids.encode(GROUP, found["id"])
            told = {"value": text, "$ref": f"Groups/{text}", "display": found["name"], "type": "direct"}
            groups.setdefault(found["user_id"], []).append(told)
        return [_user(row, seats.get(row.person_id or 0), groups.get(row.id)) for row in rows]

    async def _seats(self, rows: Sequence[DirectoryUser]) -> dict[int, str]:
        people = [row.person_id for row in rows if row.person_id is not None and row.active]
        return await listing.seat_states(self._work, self._directory.account_id, people) if people else {}


def _user(row: DirectoryUser, seat: str | None, groups: list[dict[str, str]] | None) -> Resource[Any]:
    told = row.document | {
        "id": ids.encode(USER, row.id),
        "userName": row.user_name,
        "externalId": row.external_id,
        "groups": groups,
        "meta": described("User", row),
    }
    if seat is not None:
        told[_SEAT] = (row.document.get(_SEAT) or {}) | {"seatStatus": seat}
    return UserResource.model_validate(told, scim_ctx=Context.DEFAULT)


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


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidFilterException(detail="`active` is true or false.")
    return value


_COLUMNS = {
    "id": Column("u.id", "bigint", partial(named, USER)),
    "userName": Column("u.user_name", lower="u.lower_name"),
    "externalId": Column("u.external_id"),
    "active": Column("u.active", "boolean", _boolean),
    "meta.created": Column("u.created_at", "timestamptz", instant),
    "meta.lastModified": Column("u.changed_at", "timestamptz", instant),
    "groups.value": Column(
        "exists (select from directory_membership m where m.account_id = $1 and m.user_id = u.id and m.group_id = {v})",
        "member",
        partial(named, GROUP),
    ),
}
"""Which attributes of users are columns."""
