"""Mailing: a mail server on loopback that keeps what it is handed, or refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class MailServer:
    """What arrived, and what the server says to the next letters."""

    arrived: list[EmailMessage] = field(default_factory=list)
    says: str = "250 Taken."
    address: str = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's own name
        """Take a message, or don't."""
        if self.says.startswith("2"):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.arrived.append(message)
        return self.says


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server, for as long as it is needed."""
    made, loop = MailServer(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(made, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    made.address = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
