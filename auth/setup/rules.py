"""The rules of setup links: one purpose, one use, three days.

    sgl_<43 characters of secret>    the link
    sgu_<43 characters of secret>    what whoever opened it sends as a bearer, for an hour

Of both we keep the SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

LINK, BEARER = "sgl_", "sgu_"
"""What the two texts begin with."""

OPEN_FOR = timedelta(hours=72)
"""How long a link can be opened."""

COUNTS_FOR = timedelta(hours=1)
"""How long its bearer counts, from when it was opened."""


class SetupPurpose(StrEnum):
    """What a setup link is for."""

    SSO = "sso"
    """To connect an identity provider."""

    DIRECTORY = "directory"
    """To connect a directory."""

    DOMAIN = "domain"
    """To prove a domain."""


MAY: Mapping[SetupPurpose, frozenset[str]] = {
    SetupPurpose.SSO: frozenset(
        {"createSsoConnection", "changeSsoConnection", "startSsoTest"}
        | {"createSamlConnection", "changeSamlConnection", "addSsoCertificate", "removeSsoCertificate"}
    ),
    SetupPurpose.DIRECTORY: frozenset({"createDirectory", "rotateDirectoryToken"}),
    SetupPurpose.DOMAIN: frozenset({"addDomain", "verifyDomain"}),
}
"""The mutations that serve each purpose, and nothing else."""

MAKES = frozenset({"createSsoConnection", "createSamlConnection", "createDirectory", "addDomain"})
"""Those that make the one thing a link is for."""
