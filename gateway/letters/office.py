"""The post office of an installation: a mail server where one was named, elsewhere a folder, in production nothing."""

from __future__ import annotations

from gateway.letters.posting import Folder, Post, Smtp
from gateway.settings import Settings

FOLDER = "letters"


def office(settings: Settings) -> Post | None:
    """Where letters leave; None in production without a server."""
    app = settings.app.rstrip("/") or settings.base
    if settings.smtp:
        return Post(Smtp(settings.smtp.get_secret_value(), settings.in_production), settings.sender, app)
    return None if settings.in_production else Post(Folder(settings.home.expanduser() / FOLDER), settings.sender, app)
