"""Fetching: the one way in which we call an address that somebody told us.

An identity provider's addresses come from its customers and from its own documents,
so each is a stranger's wish to make us call a machine. Whoever asks here gets:

* https alone, and public addresses alone. The name is resolved once, every address
  it has is looked at, and we connect to that very address, so that a name which
  means something else a moment later gains nothing. Networks that an operator
  named are reached as well, and a loopback address in development, also without TLS.
* No redirect, no compressed answer, at most 256 kB, at most five seconds in all.
* No proxy and no password file of this machine.

The same transport carries what Authlib sends.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import httpx2

from kernel.errors import InvalidInput

PATIENCE = timedelta(seconds=5)
"""How long whoever is asked may take to answer, in all."""

_LARGEST = 256 * 1024
_LONGEST_ADDRESS = 2_000
_MOST_ADDRESSES = 8
_OK = 200
_REDIRECTS = range(300, 400)
_TRANSLATED = ip_network("64:ff9b::/96")  # IPv6 that a gateway turns into the IPv4 address of its last four bytes
_TUNNELED = (ip_network("2002::/16"), ip_network("2001::/32"))  # IPv6 that leads to an IPv4 address somewhere

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class NotFetched(Exception):  # noqa: N818 - what became of a request, not an error of ours
    """Why there is no answer that counts, in one sentence that an admin may read."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Calls addresses of strangers. `networks` are those an operator trusts beside the public Internet."""

    development: bool = False
    networks: tuple[Network, ...] = ()
    patience: timedelta = PATIENCE

    def check(self, uri: str) -> None:
        """Refuse what could never be fetched, before anything is kept or asked. Raises InvalidInput."""
        try:
            sound = len(uri) <= _LONGEST_ADDRESS and uri.isprintable() and self._is_sound(urlsplit(uri))
        except ValueError:
            sound = False
        if not sound:
            shown = uri if len(uri) <= _LONGEST_ADDRESS else f"{uri[:100]}…"
            raise InvalidInput(f"{shown!r} is not an address that we fetch: it must be https, without a password.")

    def insist(self, uri: str) -> None:
        """The same, for an address that comes to us while we fetch. Raises NotFetched."""
        try:
            self.check(uri)
        except InvalidInput as refusal:
            raise NotFetched(refusal.message) from refusal

    def transport(self) -> httpx2.AsyncBaseTransport:
        """What carries a request of any client of httpx2 by these rules."""
        return _Guarded(self)

    async def get(self, uri: str, accept: str, bearer: str | None = None) -> bytes:
        """What answers at this address with the status 200. Raises NotFetched."""
        headers = {"accept": accept} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
        self.insist(uri)
        try:
            async with httpx2.AsyncClient(transport=self.transport(), trust_env=False) as client:
                response = await client.get(uri, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as failure:
            raise NotFetched(f"{_host(uri)} can't be reached: {type(failure).__name__}.") from failure
        if response.status_code != _OK:
            raise NotFetched(f"{_host(uri)} answered with the status {response.status_code}.")
        return response.content

    async def resolved(self, url: httpx2.URL) -> list[Address]:
        """The addresses of a host, all of which we may call. Raises NotFetched."""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as failure:
            raise NotFetched(f"The name {url.host} is not known.") from failure
        addresses = [ip_address(entry[4][0]) for entry in found][:_MOST_ADDRESSES]
        if not addresses or not all(self._may_call(address, url.scheme) for address in addresses):
            raise NotFetched(f"{url.host} is not at a public address, or not asked by https.")
        return addresses

    def _may_call(self, address: Address, scheme: str) -> bool:
        if self.development and address.is_loopback:
            return True
        trusted = any(address in network for network in self.networks)
        return scheme == "https" and (trusted or is_public(address))

    def _is_sound(self, parts: SplitResult) -> bool:
        if not parts.hostname or parts.username or parts.password or parts.fragment or parts.port == 0:
            return False
        return parts.scheme == "https" or (self.development and parts.scheme == "http" and _is_loopback(parts.hostname))


class _Guarded(httpx2.AsyncBaseTransport):
    """See `Fetcher`."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False, retries=0)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The whole answer, read and weighed. Raises NotFetched, and what httpx2 raises."""
        try:
            async with asyncio.timeout(self._fetcher.patience.total_seconds()):
                return await self._answer(request)
        except TimeoutError as failure:
            raise NotFetched(f"{request.url.host} did not answer in time.") from failure

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self._fetcher.insist(str(request.url))
        addresses = await self._fetcher.resolved(request.url)
        response = await self._connected(request, addresses)
        try:
            _check_head(request.url.host, response)
            return httpx2.Response(
                response.status_code, headers=_kept(response.headers), content=await _body(request.url.host, response)
            )
        finally:
            await response.aclose()

    async def _connected(self, request: httpx2.Request, addresses: Sequence[Address]) -> httpx2.Response:
        """The beginning of the answer of the first address that takes our connection."""
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                return await self._inner.handle_async_request(_pinned(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if not last:
                    raise
        raise AssertionError("a name has an address")


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks that these texts name, such as 10.1.0.0/16. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet, also when it is written as another kind of address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address in _TRANSLATED:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.is_site_local or any(address in network for network in _TUNNELED):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _pinned(request: httpx2.Request, address: Address) -> httpx2.Request:
    """The request, sent to one address; its `Host` and the name that TLS insists on stay those of the URL."""
    headers = request.headers.copy()
    headers["accept-encoding"] = "identity"
    extensions = {**request.extensions, "sni_hostname": request.url.host}
    url = request.url.copy_with(host=str(address))
    return httpx2.Request(request.method, url, headers=headers, stream=request.stream, extensions=extensions)


def _check_head(host: str, response: httpx2.Response) -> None:
    if response.status_code in _REDIRECTS:
        raise NotFetched(f"{host} redirects us, which we don't follow.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise NotFetched(f"{host} sends a compressed answer that we did not ask for.")


async def _body(host: str, response: httpx2.Response) -> bytes:
    body = bytearray()
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    async for chunk in response.stream:
        body += chunk
        if len(body) > _LARGEST:
            raise NotFetched(f"{host} sends more than {_LARGEST // 1024} kB.")
    return bytes(body)


def _kept(headers: httpx2.Headers) -> dict[str, str]:
    """What we read of an answer's head; its length and framing are those of what we read."""
    return {"content-type": headers.get("content-type", "")}


def _is_loopback(host: str) -> bool:
    return host == "localhost" or ip_address(host).is_loopback


def _host(uri: str) -> str:
    return urlsplit(uri).hostname or "This"
