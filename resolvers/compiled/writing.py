"""Writing: by which module each kind of what is behind a field is written as SQL."""

from __future__ import annotations

from collections.abc import Mapping

from graphql import GraphQLSchema

from resolvers.compiled import connecting, fields, finding, listing
from resolvers.compiled.asking import Asking
from resolvers.compiled.choosing import Chooser
from resolvers.compiled.objects import Answer, Writer
from resolvers.graph import (
    Amount,
    Called,
    Column,
    Computed,
    Given,
    Listed,
    Localized,
    Many,
    Named,
    One,
    Page,
    PublicId,
)

_ANSWERS: Mapping[type, Answer] = {
    PublicId: fields.public_id,
    Column: fields.column,
    Computed: fields.computed,
    Amount: fields.amount,
    Localized: fields.localized,
    One: finding.one,
    Called: finding.called,
    Named: finding.named,
    Given: finding.given,
    Many: listing.many,
    Listed: listing.listed,
    Page: connecting.page,
}


def writer(schema: GraphQLSchema, chooser: Chooser, asking: Asking) -> Writer:
    """What writes a statement for one request."""
    return Writer(schema, chooser, asking, _ANSWERS)
