"""What the protocol keeps its resources in: our rows, as resources, for the directory that speaks."""

from __future__ import annotations

from typing import Any

from scim2_models import (
    InvalidFilterException,
    InvalidPathException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    SearchRequest,
)
from scim2_server.storage import AsyncScimStorage, SearchPage

from auth.directories.rules import Raced
from auth.directories.tables import Directory
from gateway.scim.groups import Groups
from gateway.scim.moving import Moved
from gateway.scim.users import Users
from kernel.errors import NotFound
from kernel.work import Work

_USUALLY = 100
_FARTHEST = 2**31


class Storage(AsyncScimStorage):
    """The users and groups of one directory, in one request."""

    def __init__(self, work: Work, directory: Directory) -> None:
        self._groups = Groups(work, directory)
        self._kept: dict[str, Users | Groups] = {"User": Users(work, directory), "Group": self._groups}

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 - a row is read whole
    ) -> Resource[Any]:
        """A resource. Raises NotFoundException."""
        return await self._of(resource_type).get(resource_id)

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002 - cursors are not offered
    ) -> SearchPage:
        """A page of what meets a filter, one type after the other. Raises InvalidFilterException."""
        most = _USUALLY if search_request.count is None else search_request.count
        skip = min((search_request.start_index or 1) - 1, _FARTHEST)
        total, found, strange = 0, list[Resource[Any]](), list[SCIMException]()
        for kind in resource_types:
            try:
                many, page = await self._page(kind, search_request, max(skip - total, 0), most - len(found))
            except (InvalidFilterException, InvalidPathException) as refusal:
                # Nothing of a type meets a filter that names what the type lacks (RFC 7644, 3.4.2.1).
                strange.append(refusal)
                continue
            total, found = total + many, [*found, *page]
        if len(strange) == len(resource_types):
            raise strange[0]
        return SearchPage(total, found)

    async def _page(
        self, kind: ResourceType, asked: SearchRequest[Any], skip: int, most: int
    ) -> tuple[int, list[Resource[Any]]]:
        """How many resources of a type meet a filter, and a page of them."""
        left_out = {str(path).lower() for path in asked.excluded_attributes or []}
        filter_ = None if asked.filter is None else str(asked.filter)
        return await self._of(kind).search(filter_, skip, most, whole="members" not in left_out)

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Keep a new resource, and do what it means."""
        return await self._of(resource_type).create(resource)

    async def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Keep what a resource is from now on, and do what that means."""
        try:
            return await self._of(resource_type).update(resource, _version(expected_version))
        except NotFound:
            raise NotFoundException from None
        except Raced:
            raise PreconditionFailedException from None

    async def move(self, resource_id: str, who: Moved) -> Resource[Any]:
        """A group, without its members, once some have come and gone. Raises NotFoundException."""
        try:
            return await self._groups.move(resource_id, who)
        except NotFound:
            raise NotFoundException from None

    async def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """Forget a resource, and do what that means."""
        try:
            await self._of(resource_type).delete(resource_id, _version(expected_version))
        except NotFound:
            raise NotFoundException from None
        except Raced:
            raise PreconditionFailedException from None

    def _of(self, kind: ResourceType) -> Users | Groups:
        return self._kept[str(kind.name)]


def _version(tag: str | None) -> int | None:
    return None if tag is None else int(tag.strip('W/"'))
