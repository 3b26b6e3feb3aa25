"""Directories of workspaces, and their tokens."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.directories import tables
from auth.directories.tokens import DirectoryDisabled, TooManyTokens
from auth.policy import Permission
from resolvers import directories as resolve
from resolvers.graph import holders
from schema.base import Node, face, many, one, value
from schema.changes import mutation
from schema.lists import containing, page

_SEEN = holders(Permission.SEE_IDENTITY)


@face(tables.Directory, "directory", visible=holders(Permission.SEE_IDENTITY, setup=("directory", "id")))
class Directory(Node):
    """A list of people that a workspace keeps elsewhere, such as Okta's or Entra's, and that tells us over SCIM 2.0."""

    name: str
    """What people call it."""

    created_at: datetime
    """When it was connected."""

    created_by = one("Person", by="created_by")
    """Who connected it."""

    disabled_at: datetime | None
    """When it was disconnected, finally."""

    pool = one("LicensePool", by="pool_id")
    """The pool that gives everybody in it a seat."""

    keeps_days: int | None
    """For how many days the seats of whoever it deactivates are kept for them; null where they are free at once."""

    tokens = many("DirectoryToken", by="directory_id", where="{row}.removed_at is null")
    """What it shows at the door; two at most."""

    users = page(
        "DirectoryUser",
        by="directory_id",
        name="DirectoryUsers",
        where="{row}.deleted_at is null",
        filters={"search": containing("user_name", "Only where the name contains this.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when they were first told of.")},
    )
    """Who is in it."""

    groups = page(
        "DirectoryGroup",
        by="directory_id",
        name="DirectoryGroups",
        where="{row}.deleted_at is null",
        filters={"search": containing("name", "Only where the name contains this.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when they were first told of.")},
    )
    """Its groups."""

    workspace = one("Workspace", by="account_id", required=True)
    """Whose people it lists."""


@face(tables.DirectoryToken, "token", visible=holders(Permission.SEE_IDENTITY, setup=("directory", "directory_id")))
class DirectoryToken(Node):
    """What a directory shows at the door."""

    created_at: datetime
    """When it was made."""

    created_by = one("Person", by="created_by")
    """Who made it."""

    last_used_at: datetime | None
    """When it was last used, to the minute."""

    removed_at: datetime | None
    """When it was ended."""

    directory = one("Directory", by="directory_id", required=True)
    """Whose it is."""


@face(tables.DirectoryUser, "user", visible=_SEEN)
class DirectoryUser(Node):
    """Somebody in a directory, and who that is here."""

    user_name: str
    """What the directory calls them."""

    external_id: str | None
    """Their id in the directory, which means something there alone."""

    email: str | None
    """The address in a verified domain by which they are known here."""

    active: bool
    """Whether the directory says that they belong to the workspace."""

    seat_wanted: bool
    """Whether the directory's pool gives them a seat."""

    created_at: datetime
    """When the directory first told of them."""

    changed_at: datetime
    """When it last told something else."""

    deleted_at: datetime | None
    """When it took them out."""

    person = one("Person", by="person_id")
    """Who they are here; nobody while no address of theirs is in a verified domain."""

    directory = one("Directory", by="directory_id", required=True)
    """Which directory."""


@value(resolve.TokenShown)
class DirectoryTokenShown:
    """A new token."""

    text: str
    """The token. Copy it into the directory now: it is not shown again."""

    token = one("DirectoryToken", by="token_id", required=True)
    """What can be seen of it from now on."""


@strawberry.type
class DirectoryMutation:
    """The directories of a workspace."""

    create_directory = mutation(resolve.create_directory, "Directory")
    change_directory = mutation(resolve.change_directory, "Directory", refusals=[DirectoryDisabled])
    rotate_directory_token = mutation(
        resolve.rotate_directory_token, "DirectoryTokenShown", refusals=[TooManyTokens, DirectoryDisabled]
    )
    remove_directory_token = mutation(resolve.remove_directory_token, "DirectoryToken")
    disable_directory = mutation(resolve.disable_directory, "Directory", refusals=[DirectoryDisabled])
