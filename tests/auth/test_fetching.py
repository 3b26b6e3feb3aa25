from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import httpx2
import pytest

from auth.fetching import Fetcher, NotFetched, is_public, networks
from kernel.errors import InvalidInput
from tests.auth.publishing import SILENCE, Publisher, http, publisher

AT_HOME = Fetcher(development=True)
JSON = "application/json"

PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]
PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]


@pytest.fixture
async def server() -> AsyncIterator[Publisher]:
    async with publisher(http(b"{}")) as server:
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names mean while a test runs; how often each was asked is under "asked"."""
    meant: dict[str, list[str]] = {"asked": []}

    async def getaddrinfo(_loop: Any, host: str, port: int, **_: Any) -> list[Any]:
        meant["asked"].append(host)
        if host not in meant:
            raise socket.gaierror(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in meant[host]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return meant


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_leads_into_a_network_is_not(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "idp.example",
        "http://idp.example/",
        "ftp://idp.example/",
        "file:///etc/passwd",
        "https://",
        "https://ada@idp.example/",
        "https://idp.example/#here",
        "https://idp.example:0/",
        "https://idp.example:99999/",
        "https://idp.example/\n",
        "https://[::1/",
        "https://idp.example/" + "a" * 2_000,
    ],
)
async def test_what_could_never_be_fetched_is_refused_before_it_is_kept_and_when_it_is_asked(uri: str) -> None:
    with pytest.raises(InvalidInput):
        Fetcher().check(uri)
    with pytest.raises(NotFetched):
        await Fetcher().get(uri, JSON)


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_means_a_private_address_is_not_called(address: str, names: dict[str, list[str]]) -> None:
    names["idp.example"] = ["93.184.216.34", address]

    with pytest.raises(NotFetched, match="not at a public address"):
        await Fetcher().get("https://idp.example/", JSON)


async def test_a_name_is_asked_once_and_the_answer_is_what_we_connect_to(
    server: Publisher, names: dict[str, list[str]]
) -> None:
    names["localhost"] = ["127.0.0.1"]
    uri = server.uri.replace("127.0.0.1", "localhost")

    assert await AT_HOME.get(uri, JSON) == b"{}"
    assert names["asked"] == ["localhost"]
    assert b"host: localhost:" in server.asked[0].lower()


async def test_a_second_address_is_tried_where_the_first_takes_no_connection(
    server: Publisher, names: dict[str, list[str]]
) -> None:
    names["localhost"] = ["127.0.0.2", "127.0.0.1"]

    assert await AT_HOME.get(server.uri.replace("127.0.0.1", "localhost"), JSON) == b"{}"


async def test_loopback_is_for_development_alone(server: Publisher) -> None:
    with pytest.raises(NotFetched):
        await Fetcher().get(server.uri, JSON)
    with pytest.raises(NotFetched):
        await Fetcher().get(server.uri.replace("http:", "https:"), JSON)

    assert server.asked == []


async def test_a_network_that_an_operator_named_is_reached(names: dict[str, list[str]]) -> None:
    names["idp.example"] = ["10.1.2.3"]
    url = httpx2.URL("https://idp.example/")

    assert await Fetcher(networks=networks(["10.1.0.0/16"])).resolved(url) == [ip_address("10.1.2.3")]
    with pytest.raises(NotFetched):
        await Fetcher(networks=networks(["10.2.0.0/16"])).resolved(url)


BAD = {
    "a redirect": http(b"", "302 Found", "location: http://169.254.169.254/"),
    "a compressed answer": http(gzip.compress(b"{}"), "200 OK", "content-encoding: gzip"),
    "an endless answer": http(b" " * (256 * 1024 + 1)),
    "a status": http(b"{}", "500 Oops"),
    "no HTTP": b"hello\r\n\r\n",
    "half an answer": http(b"{", "200 OK", "content-length: 2"),
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD.keys())
async def test_an_answer_that_breaks_the_rules_is_none(answer: bytes, server: Publisher) -> None:
    server.answer = answer

    with pytest.raises(NotFetched) as refusal:
        await AT_HOME.get(server.uri, JSON)

    assert str(refusal.value).endswith(".")
    assert len(server.asked) == 1


async def test_silence_ends_in_time(server: Publisher) -> None:
    server.answer = SILENCE
    impatient = Fetcher(development=True, patience=timedelta(milliseconds=100))

    async with asyncio.timeout(2):
        with pytest.raises(NotFetched, match="in time"):
            await impatient.get(server.uri, JSON)


async def test_a_proxy_of_this_machine_is_not_asked(server: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert await AT_HOME.get(server.uri, JSON) == b"{}"
