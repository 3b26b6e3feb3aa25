"""The groups of directories, and what their people get."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.directories import tables
from auth.policy import Permission, Role
from resolvers import directories as resolve
from resolvers.graph import holders
from schema.base import Node, computed, face, many, one
from schema.changes import mutation

_SEEN = holders(Permission.SEE_IDENTITY)


@face(tables.DirectoryGroup, "group", visible=_SEEN)
class DirectoryGroup(Node):
    """A group of a directory."""

    name: str
    """What the directory calls it."""

    external_id: str | None
    """Its id in the directory, which means something there alone."""

    people = computed(
        "(select count(*) from directory_membership d where d.account_id = {row}.account_id and d.group_id = {row}.id)",
        "int",
    )
    """How many are in it."""

    created_at: datetime
    """When the directory first told of it."""

    changed_at: datetime
    """When it last told something else."""

    deleted_at: datetime | None
    """When it took it out."""

    rules = many("GroupRule", by="group_id", where="{row}.removed_at is null")
    """What its people get: one rule at most."""

    directory = one("Directory", by="directory_id", required=True)
    """Which directory."""


@face(tables.GroupRule, "rule", visible=_SEEN)
class GroupRule(Node):
    """What the people of a directory's group get."""

    role: Role | None
    """What they are, if it says so."""

    priority: int
    """Where several rules speak of somebody, the one with the lowest number does."""

    created_at: datetime
    """When it was first set."""

    removed_at: datetime | None
    """When it ended."""

    pool = one("LicensePool", by="pool_id")
    """The pool that gives them a seat, if it says so."""

    created_by = one("Person", by="created_by")
    """Who answers for it: it gives no more than they may."""

    group = one("DirectoryGroup", by="group_id", required=True)
    """Whose people."""


@strawberry.type
class RulingMutation:
    """What the people of groups get."""

    set_group_rule = mutation(resolve.set_group_rule, "GroupRule")
    remove_group_rule = mutation(resolve.remove_group_rule, "GroupRule")
