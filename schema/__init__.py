"""What the graph says: SDL written in Python, no logic."""

from __future__ import annotations

from functools import cache

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema import (
    audit,
    billing,
    catalog,
    changing,
    directories,
    discounts,
    disputing,
    dunning,
    exporting,
    finance,
    holding,
    identity,
    joining,
    live,
    metering,
    paying,
    people,
    reclaiming,
    reconciling,
    releasing,
    requesting,
    restoring,
    returning,
    ruling,
    saml,
    seat_groups,
    seat_imports,
    seat_lists,
    seats,
    setting_up,
    settings,
    tending,
    timeline,
    viewer,
    welcoming,
)
from schema.base import TYPES, install
from schema.scalars import CONFIG

_ROOTS = {"Query", "Live"}


@strawberry.type(description="Everything that can be changed. Each change happens whole, or not at all.")
class Mutation(
    people.PeopleMutation,
    seats.SeatMutation,
    seat_lists.SeatListMutation,
    seat_imports.SeatImportMutation,
    releasing.ReleaseMutation,
    reclaiming.ReclaimMutation,
    restoring.RestoreMutation,
    seat_groups.SeatGroupMutation,
    welcoming.WelcomeMutation,
    requesting.RequestMutation,
    billing.BillingMutation,
    changing.ChangingMutation,
    discounts.DiscountMutation,
    finance.FinanceMutation,
    holding.HoldingMutation,
    identity.IdentityMutation,
    tending.TendingMutation,
    setting_up.SettingUpMutation,
    saml.SamlMutation,
    directories.DirectoryMutation,
    ruling.RulingMutation,
    settings.SettingsMutation,
    metering.UsageMutation,
    paying.PayingMutation,
    returning.ReturningMutation,
    disputing.DisputingMutation,
    reconciling.ReconcilingMutation,
    exporting.ExportingMutation,
    dunning.DunningMutation,
):
    """The doors for changes."""


def build(
    query: type = viewer.Query, subscription: type | None = live.Live, config: StrawberryConfig = CONFIG
) -> strawberry.Schema:
    """The graph, with these ways in, and whatever can be followed."""
    types = [
        kind
        for name, kind in TYPES.items()
        if isinstance(kind, type) and hasattr(kind, "__strawberry_definition__") and name not in _ROOTS
    ]
    return install(
        strawberry.Schema(query=query, mutation=Mutation, subscription=subscription, types=types, config=config)
    )


@cache
def graph() -> strawberry.Schema:
    """The graph that clients ask, made once in a process."""
    return build()


__all__ = ["audit", "build", "catalog", "graph", "joining", "timeline"]
