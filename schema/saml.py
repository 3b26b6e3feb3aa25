"""SSO connections that speak SAML, and the certificates that sign for them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from auth.saml.certificates import LastCertificate, TooManyCertificates
from auth.sso import tables
from auth.sso.rules import ConnectionUnreachable
from resolvers import saml as resolve
from resolvers.graph import holders
from schema.base import Node, face, one
from schema.changes import mutation


@face(tables.SsoCertificate, "certificate", visible=holders(Permission.SEE_IDENTITY, setup=("sso", "connection_id")))
class SsoCertificate(Node):
    """A certificate whose key signs the answers of an identity provider that speaks SAML."""

    fingerprint: str
    """The SHA-256 of the certificate in hex, as providers show it."""

    subject: str
    """Whom it names; that counts for nothing."""

    begins_at: datetime
    """From when on it is good."""

    expires_at: datetime
    """From when on it counts no more. Owners and admins are told 30 days, 7 days and one day before."""

    created_at: datetime
    """When it was put here."""

    removed_at: datetime | None
    """When it was removed."""

    connection = one("SingleSignOn", by="connection_id", required=True)
    """For which SSO connection it counts."""

    created_by = one("Person", by="created_by")
    """Who put it here."""


@strawberry.type
class SamlMutation:
    """How the people of a workspace sign in by SAML."""

    create_saml_connection = mutation(resolve.create_saml_connection, "SingleSignOn", refusals=[ConnectionUnreachable])
    change_saml_connection = mutation(resolve.change_saml_connection, "SingleSignOn")
    add_sso_certificate = mutation(resolve.add_sso_certificate, "SsoCertificate", refusals=[TooManyCertificates])
    remove_sso_certificate = mutation(resolve.remove_sso_certificate, "SsoCertificate", refusals=[LastCertificate])
