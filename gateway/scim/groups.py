"""Groups: those of a directory, as the protocol knows them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from scim2_models import Group, InvalidValueException, NotFoundException, Resource, ScimFilter
from scim2_models.context import Context

from auth.directories import grouping
from auth.directories.listing import Where
from auth.directories.rules import UnknownMember
from auth.directories.tables import Directory, DirectoryGroup
from gateway.scim.filters import Column, condition, instant
from gateway.scim.moving import Moved
from gateway.scim.resources import GROUP, USER, GroupResource, described, named, number
from kernel import ids
from kernel.work import Work
from seats import groups
from seats.groups import TellsGroup


class Groups:
    """The groups of one directory, in one request."""

    def __init__(self, work: Work, directory: Directory) -> None:
        self._work = work
        self._directory = directory

    async def get(self, resource_id: str) -> Resource[Any]:
        """A group, with everybody in it. Raises NotFoundException."""
        row = await grouping.group(self._work, self._directory.id, number(GROUP, resource_id))
        if row is None:
            raise NotFoundException
        return (await self._shown([row], whole=True))[0]

    async def search(
        self, filter_: str | None, skip: int, most: int, *, whole: bool
    ) -> tuple[int, list[Resource[Any]]]:
        """How many groups meet a filter, and a page of them. Raises InvalidFilterException."""
        where = Where()
        if filter_ is not None:
            where = condition(ScimFilter[Group](filter_), _COLUMNS, "'{}'::jsonb", 3)
        mine = (self._directory.account_id, self._directory.id)
        total, rows = await grouping.groups(self._work, *mine, where, skip=skip, most=most)
        return total, await self._shown(rows, whole=whole)

    async def create(self, resource: Resource[Any]) -> Resource[Any]:
        """A new group."""
        row = await groups.add(self._work, self._directory, _told(resource))
        return (await self._shown([row], whole=True))[0]

    async def update(self, resource: Resource[Any], version: int | None) -> Resource[Any]:
        """What a group is from now on."""
        found = number(GROUP, resource.id or "")
        row = await groups.change(self._work, self._directory, found, _told(resource), version)
        return (await self._shown([row], whole=True))[0]

    async def move(self, resource_id: str, who: Moved) -> Resource[Any]:
        """A group, without its members, once some have come and gone. Raises NotFound."""
        found = number(GROUP, resource_id)
        return _group(await groups.move(self._work, self._directory, found, who.coming, who.going), None)

    async def delete(self, resource_id: str, version: int | None) -> None:
        """Take a group out."""
        await groups.remove(self._work, self._directory, number(GROUP, resource_id), version)

    async def _shown(self, rows: Sequence[DirectoryGroup], *, whole: bool) -> list[Resource[Any]]:
        account = self._directory.account_id
        members: dict[int, list[dict[str, Any]]] = {}
        for found in await grouping.members(self._work, account, [row.id for row in rows]) if whole else ():
            text = ids.encode(USER, found["user_id"])
            told = {"value": text, "$ref": f"Users/{text}", "type": "User", "display": found["display"]}
            members.setdefault(found["group_id"], []).append(told)
        return [_group(row, members.get(row.id)) for row in rows]


def _group(row: DirectoryGroup, members: list[dict[str, Any]] | None) -> Resource[Any]:
    told = {
        "id": ids.encode(GROUP, row.id),
        "displayName": row.name,
        "externalId": row.external_id,
        "members": members,
        "meta": described("Group", row),
    }
    return GroupResource.model_validate(told, scim_ctx=Context.DEFAULT)


def _told(resource: Resource[Any]) -> TellsGroup:
    """What a resource tells of a group. Raises InvalidValueException for a member that is no user."""
    said: dict[str, Any] = resource.model_dump(mode="json", scim_ctx=Context.DEFAULT)
    members: dict[int, str | None] = {}
    for member in said.get("members") or []:
        found = named(USER, member.get("value"))
        if found < 0 or member.get("type") not in {None, "User"}:
            raise InvalidValueException(detail=UnknownMember().message)
        members[found] = member.get("display")
    return TellsGroup(str(said.get("displayName") or ""), said.get("externalId"), members)


_COLUMNS = {
    "id": Column("u.id", "bigint", partial(named, GROUP)),
    "displayName": Column("u.name"),
    "externalId": Column("u.external_id"),
    "meta.created": Column("u.created_at", "timestamptz", instant),
    "meta.lastModified": Column("u.changed_at", "timestamptz", instant),
    "members.value": Column(
        "exists (select from directory_membership m where m.account_id = $1 and m.group_id = u.id and m.user_id = {v})",
        "member",
        partial(named, USER),
    ),
}
"""Which attributes of groups are columns."""
