"""Signing in through a workspace's own identity provider: who comes in, who doesn't, and what is told of it."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.policy import Desk, KeyScope, Role
from auth.sso import queries as sso_queries
from auth.sso.rules import DomainBehavior
from gateway.sso import REFUSED
from kernel import ids
from tests.auth import forging
from tests.auth.providing import KEY, Provider
from tests.auth.publishing import http, key_set
from tests.graph.surfing import Browser, browser
from tests.scenery import Scene, World

WHO = "{ viewer { kind person { email } account { id } memberships { nodes { role workspace { id } } } } }"
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def tab(world: World) -> AsyncIterator[Browser]:
    async with browser(world) as made:
        yield made


@pytest.fixture
async def acme(workspace: Scene, idp: Provider) -> tuple[Scene, str, str]:
    """A workspace, its SSO connection, and its own domain, whose people may join."""
    name = f"acme-{workspace.number:x}.test"
    idp.claims["email"] = f"ada@{name}"
    await workspace.domain(name)
    return workspace, await workspace.sso(idp.issuer), name


async def traced(scene: Scene) -> list[Any]:
    return await scene.world.rows("select * from sso_login where account_id = $1 order by id", scene.number)


async def actions(scene: Scene) -> list[str]:
    rows = await scene.world.rows("select action from audit_record where account_id = $1 order by seq", scene.number)
    return [row["action"] for row in rows]


async def sessions(scene: Scene) -> int:
    found: int = await scene.world.value("select count(*) from session where account_id = $1", scene.number)
    return found


# Coming in


async def test_somebody_of_a_verified_domain_comes_in_and_is_a_member(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, name = acme

    back = await tab.sign_in(connection, idp, next="/seats?of=me")
    who = (await tab.ask(WHO)).json()["data"]["viewer"]

    assert (back.status_code, back.headers["location"]) == (303, "/seats?of=me")
    assert who["person"]["email"] == f"ada@{name}"
    assert who["account"] is None
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": scene.id}}]
    assert await actions(scene) == ["identity.linked", "member.joined", "login.succeeded"]


async def test_whoever_comes_again_is_the_same_person(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await tab.sign_in(connection, idp)
    idp.claims["email"] = "somebody@else.test"

    await tab.sign_in(connection, idp)

    assert await scene.world.value("select count(*) from sso_identity where account_id = $1", scene.number) == 1
    assert (await traced(scene))[-1]["state"] == "done"
    assert await sessions(scene) == 2


async def test_a_cookie_is_for_browsers_and_kept_from_scripts(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    _, connection, _ = acme

    sent = await tab.leave(connection)
    back = await tab.back(connection, idp.sign_in(sent.headers["location"]))

    for response in (sent, back):
        told = response.headers["set-cookie"].lower()
        assert "httponly" in told
        assert "samesite=lax" in told
        assert "path=/" in told
        assert response.headers["cache-control"] == "no-store"


async def test_two_tabs_sign_in_beside_each_other(acme: tuple[Scene, str, str], idp: Provider, tab: Browser) -> None:
    _, connection, _ = acme
    first, second = await tab.leave(connection), await tab.leave(connection)

    backs = [await tab.back(connection, idp.sign_in(sent.headers["location"])) for sent in (second, first)]

    assert [back.status_code for back in backs] == [303, 303]


async def test_somebody_new_who_comes_in_two_browsers_at_once_is_one_person(
    acme: tuple[Scene, str, str], idp: Provider, world: World
) -> None:
    scene, connection, _ = acme
    async with browser(world) as one, browser(world) as other:
        backs = await asyncio.gather(one.sign_in(connection, idp), other.sign_in(connection, idp))

    assert [back.status_code for back in backs] == [303, 303]
    assert await world.value("select count(*) from sso_identity where account_id = $1", scene.number) == 1
    assert await sessions(scene) == 2


@pytest.mark.parametrize("look", ["identity", "behavior", "known_at", "identity_of"])
async def test_who_comes_in_another_browser_between_two_looks_is_the_same_person(
    acme: tuple[Scene, str, str], idp: Provider, world: World, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, connection, _ = acme
    looks = getattr(sso_queries, look)
    async with browser(world) as one, browser(world) as other:

        async def late(*given: object) -> object:
            monkeypatch.setattr(sso_queries, look, looks)
            assert (await other.sign_in(connection, idp)).status_code == 303
            return await looks(*given)

        monkeypatch.setattr(sso_queries, look, late)
        back = await one.sign_in(connection, idp)

    assert back.status_code == 303
    assert await world.value("select count(*) from sso_identity where account_id = $1", scene.number) == 1
    assert await sessions(scene) == 2


async def test_a_member_with_the_address_is_who_comes(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, name = acme
    ada = await scene.join(Role.AUDITOR, await scene.world.person(email=f"ada@{name}"))

    await tab.sign_in(connection, idp)

    who = (await tab.ask("{ viewer { person { id } memberships { nodes { role } } } }")).json()["data"]["viewer"]
    assert who == {"person": {"id": ada.id}, "memberships": {"nodes": [{"role": "AUDITOR"}]}}


async def test_the_userinfo_gives_an_address_that_the_id_token_lacks(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    _, connection, name = acme
    idp.without, idp.userinfo = {"email"}, {"email": f"ada@{name}"}

    assert (await tab.sign_in(connection, idp)).status_code == 303


async def test_a_provider_with_one_key_need_not_name_it(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    idp.header = {"kid": None}

    back = await tab.sign_in(connection, idp)

    assert back.status_code == 303
    assert await sessions(scene) == 1


@pytest.mark.parametrize(
    "next_", ["//evil.test", "https://evil.test", "/\\evil.test", "", "evil", "/\x00", "/" * 1_001]
)
async def test_nobody_is_sent_elsewhere_after_signing_in(
    next_: str, acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    _, connection, _ = acme

    assert (await tab.sign_in(connection, idp, next=next_)).headers["location"] == "/"


# Refused


Bend = Callable[[Provider], None]


def _set(name: str, **change: Any) -> Bend:
    def bend(idp: Provider) -> None:
        setattr(idp, name, {**getattr(idp, name), **change})

    return bend


def _forged(forge: Callable[[str], str]) -> Bend:
    def bend(idp: Provider) -> None:
        idp.forge = forge

    return bend


def _answering(raw: bytes) -> Bend:
    def bend(idp: Provider) -> None:
        idp.answer = raw

    return bend


def _lacking(*names: str) -> Bend:
    def bend(idp: Provider) -> None:
        idp.without = set(names)

    return bend


def _keyed(idp: Provider) -> None:
    idp.key = forging.rsa_key("somebody else's")


def _nameless(idp: Provider) -> None:
    idp.header = {"kid": None}
    idp.instead["/jwks"] = key_set(forging.jwk(KEY, "2026"), forging.jwk(forging.rsa_key("of last year"), "2025"))


def _unsigned(token: str) -> str:
    header = forging.b64(b'{"alg":"none"}')
    return f"{header}.{token.split('.')[1]}."


def _symmetric(token: str) -> str:
    claims = token.split(".")[1]
    header = forging.b64(b'{"alg":"HS256","kid":"2026"}')
    body = f"{header}.{claims}"
    return f"{body}.{forging.b64(hmac.digest(forging.public_pem(KEY).encode(), body.encode(), 'sha256'))}"


HOSTILE: dict[str, Bend] = {
    "an unsigned token, as advertised": _forged(_unsigned),
    "a token signed with the public key": _forged(_symmetric),
    "a key of somebody else": _keyed,
    "half a token": _forged(lambda token: token[:-10]),
    "another audience, with us as azp": _set("claims", aud="other", azp="seatgraph"),
    "several audiences": _set("claims", aud=["seatgraph", "other"]),
    "no audience": _lacking("aud"),
    "another authorized party": _set("claims", azp="other"),
    "an access token in its place": _set("header", typ="at+jwt"),
    "a logout token in its place": _set("header", typ="logout+jwt"),
    "a key in its header": _set("header", jwk=forging.jwk(KEY, "2026")),
    "a critical header": _set("header", crit=["b64"]),
    "no such key": _set("header", kid="2027"),
    "no name of its key, where there are two": _nameless,
    "an empty subject": _set("claims", sub=""),
    "no subject": _lacking("sub"),
    "a subject that is a number": _set("claims", sub=7),
    "a subject with a NUL": _set("claims", sub="ada\x00"),
    "a subject of 300 letters": _set("claims", sub="a" * 300),
    "another issuer in the token": _set("claims", iss="https://other.test"),
    "another nonce": _set("claims", nonce="other"),
    "no nonce": _lacking("nonce"),
    "a token of yesterday": _set("claims", iat=1_500_000_000, exp=1_500_000_300),
    "a token of tomorrow": _set("claims", iat=4_000_000_000, exp=4_000_000_300),
    "a session of the provider that is over": _set("claims", session_expiry=1_500_000_000),
    "no end": _lacking("exp"),
    "an end without a number": _set("claims", exp="4000000000"),
    "no id token": _set("answer", id_token="left out"),
    "an id token that is null": _set("answer", id_token=None),
    "an id token that is a list": _set("answer", id_token=["a"]),
    "HTML for tokens": _answering(http(b"<!doctype html>")),
    "a list for tokens": _answering(http(b"[]", "200 OK", "content-type: application/json")),
    "an error for tokens": _answering(http(b'{"error":"invalid_client"}', "401 No", "content-type: application/json")),
    "a redirect for tokens": _answering(http(b"", "307 Go", "location: http://127.0.0.1:1/")),
    "an endless answer for tokens": _answering(http(b" " * 300_000)),
    "deep JSON for tokens": _answering(http(b'{"a":' + b"[" * 50_000, "200 OK", "content-type: application/json")),
    "another issuer in the answer": _set("returns", iss="https://other.test"),
    "no issuer in the answer": _set("returns", iss=None),
    "an error": _set("returns", error="access_denied", error_description="Not you.", code=None),
    "no code": _set("returns", code=None),
    "another code": _set("returns", code="made up"),
    "an address that is not verified": _set("claims", email_verified=False),
    "an address verified as a text": _set("claims", email_verified="false"),
    "an address of another domain": _set("claims", email="ada@elsewhere.test"),
    "an address that looks like ours": _set("claims", email="ada@\u0430cme.test"),
    "an address with a NUL": _set("claims", email="ada\x00@acme.test"),
    "a list of addresses": _set("claims", email=["ada@acme.test"]),
    "no address": _lacking("email"),
}


@pytest.mark.parametrize("bend", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_bad_answer_is_refused_in_one_sentence_and_the_trace_says_why(
    bend: Bend, acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    bend(idp)
    people = await scene.world.value("select count(*) from person")

    back = await tab.sign_in(connection, idp)

    (login,) = await traced(scene)
    assert (back.status_code, REFUSED in back.text) == (403, True)
    assert "set-cookie" not in back.headers
    assert await sessions(scene) == 0
    assert await scene.world.value("select count(*) from person") == people
    assert (login["state"], login["ended_at"] is not None) == ("refused", True)
    assert login["reason"]
    assert await actions(scene) == ["login.refused"]


DESCRIBED: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://other.test"},
    "no token endpoint": {"token_endpoint": None},
    "keys at a private address": {"jwks_uri": "http://10.0.0.1/keys"},
    "a token endpoint on a disk": {"token_endpoint": "file:///etc/passwd"},
    "an authorization endpoint that is a script": {"authorization_endpoint": "javascript:alert(1)"},
}


@pytest.mark.parametrize("told", DESCRIBED.values(), ids=DESCRIBED.keys())
async def test_a_description_that_can_not_be_right_sends_nobody_anywhere(
    told: dict[str, Any], acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    idp.described = told

    sent = await tab.leave(connection)

    assert (sent.status_code, REFUSED in sent.text) == (403, True)
    assert await actions(scene) == ["login.refused"]


async def test_a_description_is_no_option_of_our_http_client(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    _, connection, _ = acme
    idp.described = {"proxy": "http://127.0.0.1:1", "verify": False, "transport": None, "client_id": "x", "timeout": 0}

    assert (await tab.sign_in(connection, idp)).status_code == 303


async def test_a_state_serves_once(acme: tuple[Scene, str, str], idp: Provider, tab: Browser) -> None:
    scene, connection, _ = acme
    told = idp.sign_in((await tab.leave(connection)).headers["location"])

    first = await tab.back(connection, told)
    again = await tab.back(connection, told)

    assert (first.status_code, again.status_code) == (303, 403)
    assert await sessions(scene) == 1


async def test_a_browser_can_not_come_back_for_another(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser, world: World
) -> None:
    scene, connection, _ = acme
    told = idp.sign_in((await tab.leave(connection)).headers["location"])

    async with browser(world) as victim:
        back = await victim.back(connection, told)

    assert back.status_code == 403
    assert await sessions(scene) == 0
    assert "Another browser" in (await traced(scene))[0]["reason"]


async def test_a_connection_does_not_answer_for_another(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser, world: World
) -> None:
    scene, connection, _ = acme
    elsewhere = await world.workspace()
    other = await elsewhere.sso(idp.issuer)
    told = idp.sign_in((await tab.leave(connection)).headers["location"])

    back = await tab.back(other, told)

    assert back.status_code == 403
    assert (await sessions(scene), await sessions(elsewhere)) == (0, 0)


async def test_a_login_that_takes_too_long_is_over(acme: tuple[Scene, str, str], idp: Provider, tab: Browser) -> None:
    scene, connection, _ = acme
    told = idp.sign_in((await tab.leave(connection)).headers["location"])
    await scene.world.run("update sso_flow set expires_at = created_at where account_id = $1", scene.number)

    assert (await tab.back(connection, told)).status_code == 403
    assert "10 minutes" in (await traced(scene))[0]["reason"]


async def test_parameters_that_come_twice_are_none(acme: tuple[Scene, str, str], idp: Provider, tab: Browser) -> None:
    _, connection, _ = acme
    told = idp.sign_in((await tab.leave(connection)).headers["location"])
    query = "&".join(f"{name}={value}" for name, value in told.items())

    assert (await tab.client.get(f"/sso/{connection}/callback?{query}&code=another")).status_code == 403


async def test_whoever_writes_to_the_door_does_not_fill_the_log(acme: tuple[Scene, str, str], tab: Browser) -> None:
    scene, connection, _ = acme

    for number in range(65):
        assert (await tab.back(connection, {"state": str(number), "code": "x"})).status_code == 403

    assert len(await traced(scene)) == 60


@pytest.mark.parametrize("connection", ["", "sso_0000000000000", "sso_zzz", "seat_0000000000000", "%00", "a" * 500])
async def test_a_door_that_is_not_there_says_the_same(connection: str, tab: Browser) -> None:
    for door in ("login", "callback"):
        response = await tab.client.get(f"/sso/{connection}/{door}")
        assert response.status_code in {403, 404}
        assert "set-cookie" not in response.headers


async def test_a_connection_that_is_off_lets_nobody_in(workspace: Scene, idp: Provider, tab: Browser) -> None:
    connection = await workspace.sso(idp.issuer, enabled=False)

    assert (await tab.leave(connection)).status_code == 403
    assert (await traced(workspace))[0]["reason"] == "The SSO connection is switched off."


# Whom an address may link


async def refusal(scene: Scene, tab: Browser, connection: str, idp: Provider) -> str:
    back = await tab.sign_in(connection, idp)
    assert back.status_code == 403
    return str((await traced(scene))[-1]["reason"])


async def test_another_subject_with_the_same_address_is_not_let_in(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await tab.sign_in(connection, idp)
    idp.claims["sub"] = "ada the second"

    assert "SUBJECT_CHANGED" in await refusal(scene, tab, connection, idp)
    assert await sessions(scene) == 1


async def test_somebody_of_another_workspace_is_not_let_in(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser, world: World
) -> None:
    scene, connection, name = acme
    elsewhere = await world.workspace()
    await elsewhere.join(who=await world.person(email=f"ada@{name}"))

    assert "MEMBER_OF_OTHER_WORKSPACE" in await refusal(scene, tab, connection, idp)


async def test_an_owner_is_not_taken_over_by_a_claim(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser, world: World
) -> None:
    scene, connection, name = acme
    await scene.join(Role.OWNER, await world.person(email=f"ada@{name}"))

    assert "owner" in await refusal(scene, tab, connection, idp)


@pytest.mark.parametrize("behavior", [DomainBehavior.NONE, DomainBehavior.SUGGEST])
async def test_people_of_a_domain_join_only_where_it_says_so(
    behavior: DomainBehavior, acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await scene.world.run(
        "update workspace_domain set behavior = $2 where account_id = $1", scene.number, behavior.value
    )

    assert "don't join by themselves" in await refusal(scene, tab, connection, idp)


async def test_a_domain_that_is_not_proven_links_nobody(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await scene.world.run("update workspace_domain set verified_at = null where account_id = $1", scene.number)

    assert "not a verified domain" in await refusal(scene, tab, connection, idp)


async def test_whoever_was_removed_does_not_come_back_by_themselves(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await tab.sign_in(connection, idp)
    member = await scene.world.value(
        "select max(id) from member where account_id = $1 and role = 'member'", scene.number
    )
    await scene.world.change("removeMember", scene.owner, member=ids.encode("member", member))

    assert (await tab.ask(WHO)).json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "no longer a member" in await refusal(scene, tab, connection, idp)


# What a session is for


async def test_a_session_counts_for_its_workspace_alone(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser, world: World
) -> None:
    scene, connection, name = acme
    ada = await scene.join(Role.AUDITOR, await world.person(email=f"ada@{name}"))
    await tab.sign_in(connection, idp)
    elsewhere = await world.workspace()
    await elsewhere.join(Role.OWNER, ada)

    ask = "query($id: ID!, $mine: ID!) { workspace(id: $id) { id } account(id: $mine) { id } }"
    seen = (await tab.ask(ask, id=elsewhere.id, mine=elsewhere.account)).json()["data"]

    assert seen == {"workspace": None, "account": None}


async def test_another_site_can_not_use_the_cookie(acme: tuple[Scene, str, str], idp: Provider, tab: Browser) -> None:
    _, connection, _ = acme
    await tab.sign_in(connection, idp)

    for origin in ("https://evil.test", "null", None, "http://127.0.0.1:8001"):
        reply = (await tab.ask(WHO, origin=origin)).json()
        assert reply["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_signing_out_ends_the_session_at_once(acme: tuple[Scene, str, str], idp: Provider, tab: Browser) -> None:
    scene, connection, _ = acme
    await tab.sign_in(connection, idp)
    (text,) = [cookie.value for cookie in tab.client.cookies.jar if cookie.name == "seatgraph"]

    forged = await tab.client.post("/sso/logout", headers={"origin": "https://evil.test"})
    still = await scene.world.ask(WHO, text)
    await tab.client.post("/sso/logout", headers={"origin": "http://127.0.0.1:8000"})
    gone = await scene.world.ask(WHO, text)

    assert forged.status_code == 403
    assert still.codes == []
    assert gone.code == "UNAUTHENTICATED"
    assert (await actions(scene))[-1] == "session.ended"


@pytest.mark.parametrize(
    "column", ["ended_at = created_at", "expires_at = created_at", "last_used_at = created_at - interval '3 hours'"]
)
async def test_a_session_that_is_over_is_over(
    column: str, acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await tab.sign_in(connection, idp)
    await scene.world.run(f"update session set {column} where account_id = $1", scene.number)

    assert (await tab.ask(WHO)).json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


# Tests of a connection


async def test_an_owners_test_links_them_and_tells_its_steps(workspace: Scene, idp: Provider, tab: Browser) -> None:
    connection = await workspace.sso(idp.issuer, enabled=False)
    idp.claims["email"] = workspace.owner.email

    shown = "url login { id }"
    begun = (await workspace.world.change("startSsoTest", workspace.owner, shows_=shown, connection=connection)).data
    sent = await tab.go(begun["startSsoTest"]["url"])
    back = await tab.back(connection, idp.sign_in(sent.headers["location"]))

    ask = "query($id: ID!) { ssoTest(id: $id) { id state steps reason connection { testedBy { id } } } }"
    number = begun["startSsoTest"]["login"]["id"]
    test = (await workspace.world.ask(ask, workspace.owner, id=number)).data["ssoTest"]
    assert (back.status_code, "set-cookie" in back.headers) == (200, False)
    assert (test["id"], test["state"], test["reason"]) == (number, "DONE", None)
    assert test["steps"][-1] == "The subject is linked to whoever tried this, for the address is theirs."
    assert test["connection"]["testedBy"]["id"] == workspace.owner.id
    assert (await tab.go(begun["startSsoTest"]["url"])).status_code == 403


async def test_a_test_that_fails_tells_why(workspace: Scene, idp: Provider, tab: Browser) -> None:
    connection = await workspace.sso(idp.issuer, enabled=False)
    idp.claims["aud"] = "another"
    shown = "url login { id }"
    begun = (await workspace.world.change("startSsoTest", workspace.owner, shows_=shown, connection=connection)).data
    sent = await tab.go(begun["startSsoTest"]["url"])

    await tab.back(connection, idp.sign_in(sent.headers["location"]))

    ask = "query($id: ID!) { ssoTest(id: $id) { state steps reason } }"
    number = begun["startSsoTest"]["login"]["id"]
    test = (await workspace.world.ask(ask, workspace.members[Role.AUDITOR], id=number)).data["ssoTest"]
    assert test["state"] == "REFUSED"
    assert test["steps"][-1] == "The provider exchanged the code for an ID token."
    assert test["reason"] == "The ID token was refused: ValueError: aud is not exactly our client id."


async def test_a_test_of_somebody_elses_address_links_nobody(workspace: Scene, idp: Provider, tab: Browser) -> None:
    connection = await workspace.sso(idp.issuer, enabled=False)
    begun = (await workspace.world.change("startSsoTest", workspace.owner, shows_="url", connection=connection)).data
    sent = await tab.go(begun["startSsoTest"]["url"])

    await tab.back(connection, idp.sign_in(sent.headers["location"]))

    assert await workspace.world.value("select count(*) from sso_identity where account_id = $1", workspace.number) == 0
    assert (
        await workspace.world.value("select tested_at from sso_connection where account_id = $1", workspace.number)
        is None
    )


TRACED = "query($id: ID!) { ssoTest(id: $id) { state steps reason } }"
HTML = http(b"<!doctype html><title>Maintenance</title>", "200 OK", "content-type: text/html")
WELL_KNOWN = "/.well-known/openid-configuration"


def _failing_with(path: str, answer: bytes) -> Bend:
    def bend(idp: Provider) -> None:
        idp.instead[path] = answer

    return bend


def _silent_at(path: str) -> Bend:
    def bend(idp: Provider) -> None:
        idp.silent.add(path)

    return bend


AWAY: dict[str, tuple[Bend, str]] = {
    "HTML for its description": (_failing_with(WELL_KNOWN, HTML), "is not a JSON object."),
    "a failure for its description": (_failing_with(WELL_KNOWN, http(b"", "503 No")), "answered with the status 503."),
    "silence for its description": (_silent_at(WELL_KNOWN), "did not answer in time."),
    "HTML for its tokens": (_failing_with("/token", HTML), "The provider did not exchange the code."),
    "silence for its tokens": (_silent_at("/token"), "did not answer in time."),
    "HTML for its keys": (_failing_with("/jwks", HTML), "keys at"),
}


@pytest.mark.parametrize(("bend", "why"), AWAY.values(), ids=AWAY.keys())
async def test_a_test_says_in_words_what_is_wrong_with_the_provider(
    bend: Bend, why: str, workspace: Scene, idp: Provider, tab: Browser
) -> None:
    world, connection = workspace.world, await workspace.sso(idp.issuer)
    shown = "url login { id }"
    begun = (await world.change("startSsoTest", workspace.owner, shows_=shown, connection=connection)).data
    bend(idp)

    sent = await tab.go(begun["startSsoTest"]["url"])
    if sent.status_code == 303:
        sent = await tab.back(connection, idp.sign_in(sent.headers["location"]))

    support = await world.person("support", desk=Desk.SUPPORT)
    for reader in (workspace.owner, workspace.members[Role.ADMIN], support):
        test = (await world.ask(TRACED, reader, id=begun["startSsoTest"]["login"]["id"])).data["ssoTest"]
        assert test["state"] == "REFUSED"
        assert why in test["reason"]
    assert (sent.status_code, REFUSED in sent.text) == (403, True)


async def test_a_provider_that_is_down_is_told_of(workspace: Scene, idp: Provider, tab: Browser) -> None:
    connection = await workspace.sso(idp.issuer)
    issuer = idp.issuer
    await idp.stop()

    sent = await tab.leave(connection)

    (login,) = await traced(workspace)
    assert (sent.status_code, REFUSED in sent.text) == (403, True)
    assert login["reason"].startswith(f"The description at {issuer}{WELL_KNOWN} can't be read.")
    assert "can't be reached" in login["reason"]
    assert await actions(workspace) == ["login.refused"]


async def test_a_test_that_never_came_back_says_how_far_it_came(workspace: Scene, idp: Provider, tab: Browser) -> None:
    world, connection = workspace.world, await workspace.sso(idp.issuer)
    shown = "url login { id }"
    begun = (await world.change("startSsoTest", workspace.owner, shows_=shown, connection=connection)).data

    await tab.go(begun["startSsoTest"]["url"])

    test = (await world.ask(TRACED, workspace.owner, id=begun["startSsoTest"]["login"]["id"])).data["ssoTest"]
    assert (test["state"], test["reason"]) == ("WAITING", None)
    assert test["steps"] == ["The provider's description could be read, and the browser was sent there."]


async def test_a_trace_holds_no_secret_though_the_provider_says_it_again(
    workspace: Scene, idp: Provider, tab: Browser
) -> None:
    world = workspace.world
    connection = await workspace.sso(idp.issuer)
    asked = {"connection": connection, "clientSecret": "the-very-secret"}
    assert (await world.change("changeSsoConnection", workspace.owner, **asked)).data
    echo = b'{"error": "invalid_client", "error_description": "the-very-secret is wrong"}'
    idp.answer = http(echo, "401 No", "content-type: application/json")

    back = await tab.sign_in(connection, idp)

    (login,) = await traced(workspace)
    assert back.status_code == 403
    assert "invalid_client" in login["reason"]
    assert "the-very-secret" not in login["reason"]


async def test_a_secret_is_sent_to_the_provider_and_read_by_nobody(workspace: Scene, idp: Provider) -> None:
    world = workspace.world
    made = await world.change(
        "createSsoConnection",
        workspace.owner,
        shows_="... on SingleSignOn { id hasSecret clientId }",
        workspace=workspace.id,
        name="SSO",
        issuer=idp.issuer,
        clientId="seatgraph",
        clientSecret="the-very-secret",
    )

    kept = await world.rows(
        "select to_jsonb(c)::text as row from sso_connection c where account_id = $1"
        " union all select to_jsonb(a)::text from audit_record a where account_id = $1",
        workspace.number,
    )
    assert made.data["createSsoConnection"]["hasSecret"] is True
    assert len(kept) == 2
    assert not any("the-very-secret" in row["row"] for row in kept)


async def test_a_provider_that_does_not_describe_itself_is_not_connected(workspace: Scene, idp: Provider) -> None:
    idp.described = {"issuer": "https://other.test"}

    made = await workspace.world.change(
        "createSsoConnection",
        workspace.owner,
        shows_="__typename ... on Problem { message }",
        workspace=workspace.id,
        name="SSO",
        issuer=idp.issuer,
        clientId="seatgraph",
    )

    assert made.data["createSsoConnection"]["__typename"] == "ConnectionUnreachable"
    assert "https://other.test" in made.data["createSsoConnection"]["message"]
    assert await actions(workspace) == []


async def test_an_admin_does_not_link_an_owner(workspace: Scene) -> None:
    login = await workspace.login()

    reply = await workspace.world.change(
        "linkSsoLogin", workspace.members[Role.ADMIN], login=login, member=workspace.member(workspace.owner)
    )

    assert reply.code == "FORBIDDEN"
    assert await actions(workspace) == []


# What is enforced


ENFORCE = "__typename ... on SsoEnforcement { enforced } ... on Problem { message }"


@pytest.fixture
async def tested(workspace: Scene, idp: Provider) -> str:
    """An SSO connection that the owner has just tried, who is enrolled for break-glass."""
    connection = await workspace.sso(idp.issuer)
    await workspace.glass()
    await workspace.world.run(
        "update sso_connection set tested_at = $2, tested_by = $3 where account_id = $1",
        workspace.number,
        await workspace.world.now(),
        workspace.owner.number,
    )
    return connection


async def enforce(scene: Scene, asker: Any = None, *, enforced: bool = True) -> Any:
    who = asker or scene.owner
    return await scene.world.change("enforceSso", who, shows_=ENFORCE, workspace=scene.id, enforced=enforced)


async def test_what_is_enforced_counts_for_nobody_who_came_another_way(workspace: Scene, tested: str) -> None:
    world, through = workspace.world, await workspace.came_through(tested, workspace.owner)
    foreign = await world.foreign_bearer("ada")
    key = await workspace.key(KeyScope.SEATS_READ)
    ask = "query($id: ID!) { workspace(id: $id) { id } }"

    reply = await enforce(workspace)

    seen = {}
    for name, asker in {"owner": workspace.owner, "owner through": through, "key": key, "foreign": foreign}.items():
        seen[name] = (await world.ask(ask, asker, id=workspace.id)).data["workspace"]
    assert reply.data["enforceSso"] == {"__typename": "SsoEnforcement", "enforced": True}
    assert seen == {"owner": None, "owner through": {"id": workspace.id}, "key": {"id": workspace.id}, "foreign": None}
    assert (
        await world.change("renameWorkspace", workspace.owner, workspace=workspace.id, name="x")
    ).code == "NOT_FOUND"
    assert await actions(workspace) == ["workspace.changed"]


@pytest.mark.parametrize(
    "spoiled",
    [
        "tested_at = tested_at - interval '16 minutes'",
        "tested_at = null, tested_by = null",
        "enabled = false",
    ],
)
@pytest.mark.usefixtures("tested")
async def test_nothing_is_enforced_before_an_owner_has_tried_it(spoiled: str, workspace: Scene) -> None:
    await workspace.world.run(f"update sso_connection set {spoiled} where account_id = $1", workspace.number)

    reply = await enforce(workspace)

    assert reply.data["enforceSso"]["__typename"] == "SsoUntested"
    assert await actions(workspace) == []


@pytest.mark.usefixtures("tested")
async def test_an_admin_does_not_enforce_and_another_owners_test_is_not_ones_own(workspace: Scene) -> None:
    other = await workspace.join(Role.OWNER)

    assert (await enforce(workspace, workspace.members[Role.ADMIN])).code == "FORBIDDEN"
    assert (await enforce(workspace, other)).data["enforceSso"]["__typename"] == "SsoUntested"
    assert await actions(workspace) == []


async def test_the_last_way_in_is_not_closed(workspace: Scene, tested: str) -> None:
    world, through = workspace.world, await workspace.came_through(tested, workspace.owner)
    await enforce(workspace)

    shown = "__typename ... on Problem { message }"
    off = await world.change("changeSsoConnection", through, shows_=shown, connection=tested, enabled=False)
    gone = await world.change("deleteSsoConnection", through, shows_=shown, connection=tested)

    assert off.data["changeSsoConnection"]["__typename"] == "SsoNeeded"
    assert gone.data["deleteSsoConnection"]["__typename"] == "SsoNeeded"


# Where one is signed in


async def test_sessions_are_listed_and_ended_by_their_holder_alone(workspace: Scene, idp: Provider) -> None:
    world, owner = workspace.world, workspace.owner
    text = await workspace.came_through(await workspace.sso(idp.issuer), owner)
    ask = "{ viewer { sessions(first: 9) { nodes { id workspace { id } } } } }"
    listed = (await world.ask(ask, owner)).data["viewer"]["sessions"]["nodes"]
    (through,) = [one["id"] for one in listed if one["workspace"]]

    stranger = await world.change("endSession", workspace.members[Role.ADMIN], session=through)
    ended = await world.change("endSession", owner, shows_="endedAt", session=through)

    assert len(listed) == 2
    assert stranger.code == "NOT_FOUND"
    assert ended.data["endSession"]["endedAt"]
    assert (await world.ask(WHO, text)).code == "UNAUTHENTICATED"


async def test_a_shorter_policy_ends_what_is_open(workspace: Scene, idp: Provider) -> None:
    world = workspace.world
    text = await workspace.came_through(
        await workspace.sso(idp.issuer), workspace.owner, since=await world.now() - 90 * MINUTE
    )
    await world.run("update session set last_used_at = $2 where account_id = $1", workspace.number, await world.now())
    before = await world.ask(WHO, text)

    reply = await world.change(
        "changeSessionPolicy", workspace.owner, shows_="sessionHours", workspace=workspace.id, hours=1, idleMinutes=10
    )

    assert before.codes == []
    assert reply.data["changeSessionPolicy"]["sessionHours"] == 1
    assert (await world.ask(WHO, text)).code == "UNAUTHENTICATED"


@pytest.mark.parametrize(("hours", "idle"), [(0, 10), (721, 10), (1, 4), (1, 61), (-5, -5)])
async def test_a_policy_has_bounds(hours: int, idle: int, workspace: Scene) -> None:
    reply = await workspace.world.change(
        "changeSessionPolicy", workspace.owner, workspace=workspace.id, hours=hours, idleMinutes=idle
    )

    assert reply.code == "INVALID_INPUT"
    assert await actions(workspace) == []


async def test_a_session_lives_as_long_as_the_policy_says_at_most(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await scene.world.run(
        "update workspace set session_hours = 3, session_idle_minutes = 7 where id = $1", scene.number
    )

    await tab.sign_in(connection, idp)

    (row,) = await scene.world.rows("select * from session where account_id = $1", scene.number)
    assert (row["expires_at"] - row["created_at"], row["idle_seconds"]) == (180 * MINUTE, 420)


@pytest.mark.parametrize("minutes", [None, 20, 10_000])
async def test_a_session_ends_with_that_of_the_provider_if_that_says_when(
    minutes: int | None, acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    said = None if minutes is None else int((await scene.world.now() + minutes * MINUTE).timestamp())
    idp.claims["session_expiry"] = said

    await tab.sign_in(connection, idp)

    (row,) = await scene.world.rows("select * from session where account_id = $1", scene.number)
    whole = row["created_at"] + 720 * MINUTE
    assert row["expires_at"] == (whole if said is None else min(whole, datetime.fromtimestamp(said, UTC)))


# Proving it once more


async def test_what_opens_doors_asks_to_sign_in_once_more(workspace: Scene, idp: Provider) -> None:
    world, connection = workspace.world, await workspace.sso(idp.issuer)
    through = await workspace.came_through(connection, workspace.owner)
    pool = await workspace.pool(10)
    await world.run(
        "update session set signed_in_at = $2 where account_id = $1", workspace.number, await world.now() - 11 * MINUTE
    )
    asked = {
        "createSsoConnection": {"workspace": workspace.id, "name": "x", "issuer": idp.issuer, "clientId": "x"},
        "createServiceKey": {"account": workspace.account, "name": "x", "scopes": ["SEATS_READ"]},
        "inviteMember": {"workspace": workspace.id, "email": "x@example.test", "role": "OWNER"},
        "changeSeats": {"pool": pool, "seats": 60},
        "leaveWorkspace": {"workspace": workspace.id},
        "createLicensePool": {"workspace": workspace.id, "price": world.catalog.team.price, "seats": 50},
    }

    replies = [await world.change(name, through, **input_) for name, input_ in asked.items()]

    for reply in replies:
        assert reply.code == "FORBIDDEN"
        assert reply.json["errors"][0]["extensions"]["details"]["signInAt"].endswith(f"/sso/{connection}/login?again=1")
    assert await actions(workspace) == []
    assert (await world.change("changeSeats", through, pool=pool, seats=59)).codes == []


@pytest.mark.parametrize(("age", "status"), [(0, 303), (60, 303), (900, 403), (None, 403)])
async def test_once_more_means_just_now(
    age: int | None, status: int, acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    now = int((await scene.world.now()).timestamp())
    idp.claims["auth_time"] = None if age is None else now - age

    sent = await tab.leave(connection, again="1")
    back = await tab.back(connection, idp.sign_in(sent.headers["location"]))

    assert "prompt=login" in sent.headers["location"]
    assert "max_age=0" in sent.headers["location"]
    assert back.status_code == status


# Signing out at the provider


async def told(idp: Provider, tab: Browser, connection: str, **claims: Any) -> int:
    """The status of our answer to a logout token."""
    now = int(idp.now().timestamp())
    happened = {"http://schemas.openid.net/event/backchannel-logout": {}}
    said = {"iss": idp.issuer, "aud": "seatgraph", "iat": now, "exp": now + 60, "jti": "1", "events": happened} | claims
    token = forging.signed({"alg": "RS256", "kid": "2026", "typ": "logout+jwt"}, said, KEY)
    reply = await tab.client.post(f"/sso/{connection}/backchannel", data={"logout_token": token})
    return reply.status_code


@pytest.mark.parametrize("claims", [{"sub": "ada"}, {"sid": "s1"}, {"sub": "ada", "sid": "s1"}])
async def test_whoever_signs_out_at_the_provider_is_out_here(
    claims: dict[str, str], acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    idp.claims["sid"] = "s1"
    await tab.sign_in(connection, idp)

    assert await told(idp, tab, connection, **claims) == 200
    assert (await tab.ask(WHO)).json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await actions(scene))[-1] == "session.ended"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "ada", "nonce": "n"},
        {"sub": "ada", "events": {}},
        {"sub": "ada", "events": None},
        {"sub": "ada", "aud": "other"},
        {"sub": "ada", "iss": "https://other.test"},
        {"sub": "ada", "exp": 1_500_000_000, "iat": 1_500_000_000},
        {"sub": ["ada"]},
    ],
)
async def test_a_logout_token_that_does_not_hold_ends_nothing(
    claims: dict[str, Any], acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    scene, connection, _ = acme
    await tab.sign_in(connection, idp)

    assert await told(idp, tab, connection, **claims) == 400
    assert "errors" not in (await tab.ask(WHO)).json()
    login = (await traced(scene))[-1]
    assert (login["purpose"], login["state"], login["subject"]) == ("sign_out", "refused", None)
    assert login["reason"].startswith("The logout token was refused: ")
    assert (await actions(scene))[-1] == "login.refused"


async def test_a_logout_of_somebody_else_ends_nothing(
    acme: tuple[Scene, str, str], idp: Provider, tab: Browser
) -> None:
    _, connection, _ = acme
    idp.claims["sid"] = "s1"
    await tab.sign_in(connection, idp)

    for claims in ({"sub": "grace"}, {"sid": "s2"}, {"sub": "ada", "sid": "s2"}):
        assert await told(idp, tab, connection, **claims) == 200
    assert "errors" not in (await tab.ask(WHO)).json()
