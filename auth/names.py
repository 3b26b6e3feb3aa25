"""Names: what the domain name system says of them, as far as proving a domain goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.resolver

PATIENCE = 5.0
"""Seconds that an answer may take, all servers together."""

_MOST_RECORDS = 100


class NoAnswer(Exception):  # noqa: N818 - what became of a question, not an error of ours
    """Nobody answered in time, or in words that we understand: it is not known what the records are."""


@dataclass(frozen=True, slots=True)
class Names:
    """Asks the servers of this machine, or those that an operator named, as address and port."""

    servers: tuple[tuple[str, int], ...] = ()

    async def texts(self, name: str) -> Sequence[str]:
        """The TXT records of a name; none where there is no such name. Raises NoAnswer."""
        try:
            answer = await self._resolver().resolve(f"{name}.", "TXT", lifetime=PATIENCE, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError, ValueError) as failure:
            raise NoAnswer(type(failure).__name__) from failure
        records = list(answer.rrset or ())[:_MOST_RECORDS]
        return [b"".join(record.strings).decode("ascii", "replace") for record in records]

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if not self.servers:
            return dns.asyncresolver.Resolver()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [address for address, _ in self.servers]
        resolver.nameserver_ports = dict(self.servers)
        return resolver
