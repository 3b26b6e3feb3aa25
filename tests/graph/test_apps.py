"""Apps on phones: they sign in through the system's browser, and hold tokens that change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.auth.providing import Provider
from tests.auth.test_grants import CHALLENGE, VERIFIER
from tests.graph.surfing import Browser, browser
from tests.scenery import Scene, World

APP = "com.acme.app:/signed-in"
WHO = "{ viewer { person { email } memberships { nodes { workspace { id } } } } }"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
async def phone(world: World) -> AsyncIterator[Browser]:
    async with browser(world) as made:
        yield made


@pytest.fixture
async def acme(workspace: Scene, idp: Provider) -> tuple[Scene, str]:
    """A workspace and its SSO connection; people of its domain may join."""
    name = f"acme-{workspace.number:x}.test"
    idp.claims["email"] = f"ada@{name}"
    await workspace.domain(name)
    return workspace, await workspace.sso(idp.issuer)


async def coded(phone: Browser, connection: str, idp: Provider, **asked: str) -> httpx2.Response:
    """What comes back when an app signs somebody in."""
    return await phone.sign_in(connection, idp, **{"app": APP, "challenge": CHALLENGE, "state": "s 1", **asked})


def code_of(back: httpx2.Response) -> str:
    (code,) = parse_qs(urlsplit(back.headers["location"]).query)["code"]
    return code


async def token(phone: Browser, **told: str) -> httpx2.Response:
    return await phone.client.post("/sso/token", data=told)


async def first(phone: Browser, got: str, **other: str) -> httpx2.Response:
    told = {"grant_type": "authorization_code", "code": got, "code_verifier": VERIFIER, "redirect_uri": APP}
    return await token(phone, **{**told, **other})


async def refreshed(phone: Browser, refresh: str) -> httpx2.Response:
    return await token(phone, grant_type="refresh_token", refresh_token=refresh)


async def signed_in(phone: Browser, connection: str, idp: Provider) -> Any:
    return (await first(phone, code_of(await coded(phone, connection, idp)))).json()


async def ended(scene: Scene) -> list[str | None]:
    rows = await scene.world.rows("select ended_why from session where account_id = $1", scene.number)
    return [row["ended_why"] for row in rows]


async def test_an_app_gets_a_code_and_tokens_for_it_that_speak_for_whoever_came(
    acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    scene, connection = acme

    back = await coded(phone, connection, idp)
    given = await first(phone, code_of(back))

    who = await scene.world.ask(WHO, given.json()["access_token"])
    assert back.status_code == 303
    assert back.headers["location"].startswith(f"{APP}?code=sgc_")
    assert back.headers["location"].endswith("&state=s+1")
    assert "seatgraph=" not in back.headers.get("set-cookie", "")
    assert given.headers["cache-control"] == "no-store"
    assert (given.json()["token_type"], given.json()["expires_in"]) == ("Bearer", 300)
    assert who.data["viewer"]["person"]["email"] == idp.claims["email"]
    assert who.data["viewer"]["memberships"]["nodes"] == [{"workspace": {"id": scene.id}}]


async def test_a_refresh_token_gives_the_next_and_an_access_token_of_five_minutes(
    acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    scene, connection = acme
    given = await signed_in(phone, connection, idp)
    await scene.world.advance(6 * MINUTE)
    late = await scene.world.ask(WHO, given["access_token"])

    again = await refreshed(phone, given["refresh_token"])

    assert late.code == "UNAUTHENTICATED"
    assert (await scene.world.ask(WHO, again.json()["access_token"])).codes == []
    assert again.json()["refresh_token"] != given["refresh_token"]


async def test_an_answer_that_was_lost_is_given_again_for_half_a_minute(
    acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    scene, connection = acme
    given = await signed_in(phone, connection, idp)
    await refreshed(phone, given["refresh_token"])

    again = await refreshed(phone, given["refresh_token"])

    assert again.status_code == 200
    assert await ended(scene) == [None]


async def test_a_refresh_token_that_comes_after_its_answer_was_used_ends_the_session(
    acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    scene, connection = acme
    given = await signed_in(phone, connection, idp)
    second = (await refreshed(phone, given["refresh_token"])).json()
    third = (await refreshed(phone, second["refresh_token"])).json()

    stolen = await refreshed(phone, given["refresh_token"])

    assert (stolen.status_code, stolen.json()) == (400, {"error": "invalid_grant"})
    assert await ended(scene) == ["what an app signs in with was used twice"]
    assert (await scene.world.ask(WHO, third["access_token"])).code == "UNAUTHENTICATED"
    assert (await refreshed(phone, third["refresh_token"])).status_code == 400


async def test_whoever_used_a_token_in_the_half_minute_of_a_lost_answer_is_found_out(
    acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    scene, connection = acme
    given = await signed_in(phone, connection, idp)
    ours = (await refreshed(phone, given["refresh_token"])).json()
    theirs = (await refreshed(phone, given["refresh_token"])).json()
    going_on = (await refreshed(phone, ours["refresh_token"])).json()

    stolen = await refreshed(phone, theirs["refresh_token"])

    assert (stolen.status_code, stolen.json()) == (400, {"error": "invalid_grant"})
    assert await ended(scene) == ["what an app signs in with was used twice"]
    assert (await scene.world.ask(WHO, going_on["access_token"])).code == "UNAUTHENTICATED"
    assert (await refreshed(phone, going_on["refresh_token"])).status_code == 400


async def test_a_code_that_comes_twice_ends_the_session(acme: tuple[Scene, str], idp: Provider, phone: Browser) -> None:
    scene, connection = acme
    code = code_of(await coded(phone, connection, idp))
    await first(phone, code)

    again = await first(phone, code)

    assert again.json() == {"error": "invalid_grant"}
    assert await ended(scene) == ["what an app signs in with was used twice"]


@pytest.mark.parametrize(
    "other",
    [
        {"code_verifier": "a" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "com.evil.app:/signed-in"},
        {"code": "sgc_" + "a" * 43},
        {"code": "\0"},
    ],
)
async def test_a_code_is_worth_nothing_to_another_app(
    other: dict[str, str], acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    scene, connection = acme
    code = code_of(await coded(phone, connection, idp))

    refused = await first(phone, code, **other)
    rightful = await first(phone, code)

    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})
    assert rightful.status_code == 200
    assert await ended(scene) == [None]


async def test_a_code_lives_a_minute(acme: tuple[Scene, str], idp: Provider, phone: Browser) -> None:
    scene, connection = acme
    code = code_of(await coded(phone, connection, idp))
    await scene.world.advance(MINUTE)

    assert (await first(phone, code)).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "asked",
    [
        {"app": "com.evil.app:/signed-in"},
        {"app": "https://evil.example/"},
        {"challenge": ""},
        {"challenge": "short"},
        {"challenge_method": "plain"},
        {"state": "x" * 501},
        {"state": "a\r\nb"},
    ],
)
async def test_only_apps_that_were_named_begin_and_only_with_a_challenge(
    asked: dict[str, str], acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    _, connection = acme

    back = await coded(phone, connection, idp, **asked)

    assert back.status_code == 403
    assert "location" not in back.headers


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "a"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ],
)
async def test_anything_else_is_refused_in_the_words_of_the_standard(
    told: dict[str, str], error: str, phone: Browser
) -> None:
    answer = await token(phone, **told)

    assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_a_session_that_has_ended_refreshes_nothing(
    acme: tuple[Scene, str], idp: Provider, phone: Browser
) -> None:
    scene, connection = acme
    given = await signed_in(phone, connection, idp)
    await scene.world.run("update session set ended_at = now() where account_id = $1", scene.number)

    assert (await refreshed(phone, given["refresh_token"])).status_code == 400
    assert (await scene.world.ask(WHO, given["access_token"])).code == "UNAUTHENTICATED"
