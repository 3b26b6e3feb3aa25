"""What we serve to directories: the types of resources, and what we say of ourselves."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    EnterpriseUser,
    ETag,
    Extension,
    Filter,
    Group,
    Mutability,
    NotFoundException,
    Patch,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)

from auth.directories.tables import DirectoryGroup, DirectoryUser
from kernel import ids
from kernel.errors import InvalidInput

MOST_OPERATIONS = 1_000
LARGEST_BULK = 1024 * 1024
LARGEST_BODY = 1024 * 1024
MOST_RESULTS = 200


class Seat(Extension):
    """Whether somebody wants a seat, has one, or waits for one."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:seatgraph:2.0:User")

    seat_wanted: bool | None = None
    """Whether the directory's pool gives them a seat; it does unless this is false."""

    seat_status: Annotated[str | None, Mutability.read_only] = None
    """Whether they have a seat (active), or wait for one (waitlisted); not told of whoever does neither."""


UserResource: type[Resource[Any]] = User[EnterpriseUser | Seat]
"""Somebody in a directory, as the protocol knows them."""

GroupResource: type[Resource[Any]] = Group
USER, GROUP = "user", "group"
"""The prefixes of their ids."""


def number(prefix: str, text: str) -> int:
    """The number of an id of a resource. Raises NotFoundException."""
    with suppress(InvalidInput):
        return ids.decode(prefix, text)
    raise NotFoundException


def named(prefix: str, text: Any) -> int:
    """The number of an id that somebody names; none has the number that stands for what is no id."""
    with suppress(InvalidInput):
        return ids.decode(prefix, str(text))
    return -1


def described(kind: str, row: DirectoryUser | DirectoryGroup) -> dict[str, Any]:
    """What is told of a resource beside what it says."""
    return {
        "resourceType": kind,
        "created": row.created_at,
        "lastModified": row.changed_at,
        "version": f'W/"{row.version}"',
    }


def provider() -> ScimProvider:
    """Everything that we serve, and how leniently we read: what Entra writes in its own way is understood."""
    return ScimProvider(
        models=[User, EnterpriseUser, Seat, Group],
        resource_types=[ResourceType.from_resource(UserResource), ResourceType.from_resource(GroupResource)],
        config=ServiceProviderConfig(
            patch=Patch(supported=True),
            bulk=Bulk(supported=True, max_operations=MOST_OPERATIONS, max_payload_size=LARGEST_BULK),
            filter=Filter(supported=True, max_results=MOST_RESULTS),
            change_password=ChangePassword(supported=False),
            sort=Sort(supported=False),
            etag=ETag(supported=True),
            authentication_schemes=[
                AuthenticationScheme(
                    type=AuthenticationScheme.Type.oauthbearertoken,
                    name="Token of a directory",
                    description="A token that an admin of the workspace made for this directory.",
                    primary=True,
                )
            ],
        ),
        policy=ScimPolicy(
            unknown=ScimPolicy.Unknown.ignore,
            remove_value_as_filter=ScimPolicy.RemoveValue.apply,
            unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
        ),
    )
