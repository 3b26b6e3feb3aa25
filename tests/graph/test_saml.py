"""Signing in through an identity provider that speaks SAML: who comes in, who doesn't, and what is told of it."""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from auth.policy import Role
from auth.sso.rules import DomainBehavior
from gateway.sso import REFUSED, TESTED
from tests.auth.saml.answering import NS, Idp, Signing, at, attribute, certificate, key_of, pem, posted
from tests.auth.saml.hostile import CASES
from tests.auth.saml.surfing import Visitor, idp_of, visitor
from tests.graph.surfing import ORIGIN
from tests.scenery import Scene, World

WHO = "{ viewer { person { email } memberships { nodes { role workspace { id } } } } }"
MINUTE = timedelta(minutes=1)


class Acme:
    """A workspace, its SSO connection by SAML, its own domain whose people may join, and its provider."""

    def __init__(self, scene: Scene, connection: str, name: str, idp: Idp) -> None:
        self.scene, self.connection, self.name, self.idp = scene, connection, name, idp

    async def traced(self) -> list[Any]:
        return await self.scene.world.rows(
            "select * from sso_login where account_id = $1 order by id", self.scene.number
        )

    async def actions(self) -> list[str]:
        sql = "select action from audit_record where account_id = $1 order by seq"
        return [row["action"] for row in await self.scene.world.rows(sql, self.scene.number)]

    async def sessions(self) -> int:
        found: int = await self.scene.world.value(
            "select count(*) from session where account_id = $1", self.scene.number
        )
        return found


@pytest.fixture
async def acme(workspace: Scene) -> Acme:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    connection = await workspace.saml()
    idp = idp_of(connection, await workspace.world.now())
    idp.told["attributes"] = attribute("email", f"ada@{name}") + attribute("displayName", "Ada")
    return Acme(workspace, connection, name, idp)


@pytest.fixture
async def tab(world: World) -> Any:
    async with visitor(world) as made:
        yield made


# Coming in


@pytest.mark.parametrize("parts", [("assertion",), ("response",), ("assertion", "response")], ids="+".join)
async def test_somebody_of_a_verified_domain_comes_in_and_is_a_member(
    parts: tuple[str, ...], acme: Acme, tab: Visitor
) -> None:
    acme.idp.parts = parts

    back = await tab.sign_in(acme.connection, acme.idp, next="/seats?of=me")
    who = (await tab.ask(WHO)).json()["data"]["viewer"]

    assert (back.status_code, back.headers["location"]) == (303, "/seats?of=me")
    assert who["person"]["email"] == f"ada@{acme.name}"
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": acme.scene.id}}]
    assert await acme.actions() == ["identity.linked", "member.joined", "login.succeeded"]
    assert len((await acme.traced())[0]["steps"]) == 6


async def test_whoever_comes_again_is_the_same_person(acme: Acme, tab: Visitor) -> None:
    await tab.sign_in(acme.connection, acme.idp)
    acme.idp.told["attributes"] = attribute("email", "somebody@else.test")

    await tab.sign_in(acme.connection, acme.idp)

    rows = "select count(*) from sso_identity where account_id = $1"
    assert await acme.scene.world.value(rows, acme.scene.number) == 1
    assert await acme.sessions() == 2


async def test_the_request_says_who_asks_and_where_to_answer(acme: Acme, tab: Visitor) -> None:
    sent = await tab.leave(acme.connection)
    again = await tab.leave(acme.connection, again="1")

    told = parse_qs(urlsplit(sent.headers["location"]).query)
    request, anew = (asked(each.headers["location"]) for each in (sent, again))
    assert told.keys() == {"tenant", "SAMLRequest", "RelayState"}
    assert request.findtext("a:Issuer", namespaces=NS) == f"{ORIGIN}/sso/{acme.connection}/metadata"
    assert request.get("AssertionConsumerServiceURL") == f"{ORIGIN}/sso/{acme.connection}/acs"
    assert request.get("Destination") == "https://idp.test/sso?tenant=1"
    assert sent.headers["location"].startswith("https://idp.test/sso?tenant=1&SAMLRequest=")
    assert (request.get("ForceAuthn"), anew.get("ForceAuthn")) == (None, "true")
    assert request.get("ID") != anew.get("ID")


def asked(address: str) -> Any:
    """The request in an address."""
    (packed,) = parse_qs(urlsplit(address).query)["SAMLRequest"]
    return etree.fromstring(zlib.decompress(b64decode(packed), -zlib.MAX_WBITS))


async def test_a_provider_reads_who_we_are(acme: Acme, tab: Visitor) -> None:
    reply = await tab.client.get(f"/sso/{acme.connection}/metadata")

    root = etree.fromstring(reply.content)
    (service,) = root.iter("{urn:oasis:names:tc:SAML:2.0:metadata}AssertionConsumerService")
    assert reply.headers["content-type"] == "application/samlmetadata+xml"
    assert root.get("entityID") == f"{ORIGIN}/sso/{acme.connection}/metadata"
    assert service.get("Location") == f"{ORIGIN}/sso/{acme.connection}/acs"


async def test_a_session_ends_with_the_providers(acme: Acme, tab: Visitor) -> None:
    ends = acme.idp.now + 20 * MINUTE
    acme.idp.told["statement"] = (
        f'<saml:AuthnStatement AuthnInstant="{at(acme.idp.now)}" SessionNotOnOrAfter="{at(ends)}"/>'
    )

    await tab.sign_in(acme.connection, acme.idp)

    expires = await acme.scene.world.value("select expires_at from session where account_id = $1", acme.scene.number)
    assert expires == ends.replace(microsecond=0)


async def test_a_connection_reads_the_attributes_that_it_names(acme: Acme, tab: Visitor) -> None:
    await acme.scene.world.change(
        "changeSamlConnection",
        acme.scene.owner,
        connection=acme.connection,
        subjectAttribute="oid",
        emailAttribute="work",
        nameAttribute="",
    )
    acme.idp.told["attributes"] = attribute("oid", "7f3") + attribute("work", f"ADA@{acme.name}")

    assert (await tab.sign_in(acme.connection, acme.idp)).status_code == 303

    (login,) = await acme.traced()
    assert (login["subject"], login["email"]) == ("7f3", f"ada@{acme.name}")


# Refused


PICKED = [
    "signature wrapping 1",
    "signature wrapping 3",
    "signature wrapping 8",
    "nothing is signed",
    "a billion laughs",
    "SHA-1 in both",
    "another certificate in its KeyInfo",
    "a processing instruction in the NameID",
    "8 MB",
    "nothing",
]
"""The rest is put to the reader itself, in tests/auth/saml."""


@pytest.mark.parametrize("name", PICKED)
async def test_a_bad_answer_is_refused_in_one_sentence_and_the_trace_says_why(
    name: str, acme: Acme, tab: Visitor
) -> None:
    people = await acme.scene.world.value("select count(*) from person")
    sent = await tab.leave(acme.connection)

    back = await tab.post(acme.connection, posted(CASES[name]()[1])[:700_000], state_of(sent.headers["location"]))

    (login,) = await acme.traced()
    assert (back.status_code, REFUSED in back.text) == (403, True)
    assert "set-cookie" not in back.headers
    assert await acme.sessions() == 0
    assert await acme.scene.world.value("select count(*) from person") == people
    assert (login["state"], login["ended_at"] is not None) == ("refused", True)
    assert login["reason"]
    assert await acme.actions() == ["login.refused"]


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["RelayState"][0]


Bend = Callable[[Idp], None]


def telling(**told: str) -> Bend:
    return lambda idp: idp.told.update(told)


HOSTILE: dict[str, Bend] = {
    "another key": lambda idp: setattr(idp, "signing", Signing(key=key_of("somebody else"))),
    "another audience": lambda idp: setattr(idp, "audience", "https://elsewhere.test"),
    "another recipient": telling(recipient=' Recipient="https://elsewhere.test"'),
    "another destination": telling(destination=' Destination="https://elsewhere.test"'),
    "another issuer": lambda idp: setattr(idp, "issuer", "https://elsewhere.test"),
    "an answer to nothing": telling(in_response_to="", confirmed=""),
    "a failure": telling(status='<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/>'),
    "a former answer": lambda idp: setattr(idp, "now", idp.now - timedelta(hours=1)),
    "an address of another domain": telling(attributes=attribute("email", "ada@elsewhere.test")),
    "no address": telling(attributes=""),
}


@pytest.mark.parametrize("bend", HOSTILE.values(), ids=HOSTILE.keys())
async def test_an_answer_that_says_what_it_should_not_lets_nobody_in(bend: Bend, acme: Acme, tab: Visitor) -> None:
    bend(acme.idp)

    back = await tab.sign_in(acme.connection, acme.idp)

    assert (back.status_code, REFUSED in back.text) == (403, True)
    assert await acme.sessions() == 0
    assert await acme.actions() == ["login.refused"]


async def test_a_certificate_that_expired_lets_nobody_in_and_says_so(acme: Acme, tab: Visitor) -> None:
    await acme.scene.world.run(
        "update sso_certificate set der = $2 where account_id = $1",
        acme.scene.number,
        der(certificate(key_of("idp"), days=0, now=acme.idp.now - timedelta(days=9))),
    )

    back = await tab.sign_in(acme.connection, acme.idp)

    assert back.status_code == 403
    assert "expired on" in (await acme.traced())[0]["reason"]


def der(found: Any) -> bytes:
    return b64decode("".join(pem(found).split("-----")[2].split()))


async def test_an_answer_serves_once(acme: Acme, tab: Visitor) -> None:
    sent = await tab.leave(acme.connection)
    told = acme.idp.answer(sent.headers["location"])

    first = await tab.finish(await tab.post(acme.connection, *told))
    again = await tab.post(acme.connection, *told)

    assert (first.status_code, again.status_code) == (303, 403)
    assert await acme.sessions() == 1


async def test_an_assertion_serves_once_whatever_it_answers(acme: Acme, tab: Visitor) -> None:
    acme.idp.told["assertion_id"] = "_always"

    backs = [await tab.sign_in(acme.connection, acme.idp) for _ in range(2)]

    assert [back.status_code for back in backs] == [303, 403]
    assert (await acme.traced())[-1]["reason"] == "The assertion has counted before."


async def test_a_handle_serves_once_and_only_at_its_own_door(acme: Acme, tab: Visitor) -> None:
    sent = await tab.leave(acme.connection)
    on = await tab.post(acme.connection, *acme.idp.answer(sent.headers["location"]))
    (handle,) = parse_qs(urlsplit(on.headers["location"]).query)["handle"]

    finished = [await tab.finish(on) for _ in range(2)]
    sent = await tab.leave(acme.connection)
    on = await tab.post(acme.connection, *acme.idp.answer(sent.headers["location"]))
    (handle,) = parse_qs(urlsplit(on.headers["location"]).query)["handle"]
    answered = await tab.post(acme.connection, posted(acme.idp.raw()), handle)

    assert [back.status_code for back in finished] == [303, 403]
    assert answered.status_code == 403
    assert await acme.sessions() == 1


async def test_a_state_without_an_answer_is_no_handle(acme: Acme, tab: Visitor) -> None:
    sent = await tab.leave(acme.connection)

    back = await tab.client.get(f"/sso/{acme.connection}/finish", params={"handle": state_of(sent.headers["location"])})

    assert back.status_code == 403
    assert (await acme.traced())[0]["reason"] == "The provider's answer has yet to come."


async def test_a_browser_can_not_finish_for_another(acme: Acme, tab: Visitor, world: World) -> None:
    sent = await tab.leave(acme.connection)

    async with visitor(world) as victim:
        on = await victim.post(acme.connection, *acme.idp.answer(sent.headers["location"]))
        back = await victim.finish(on)

    assert (on.status_code, back.status_code) == (303, 403)
    assert await acme.sessions() == 0
    assert "Another browser" in (await acme.traced())[0]["reason"]


async def test_a_login_that_takes_too_long_is_over(acme: Acme, tab: Visitor) -> None:
    sent = await tab.leave(acme.connection)
    await acme.scene.world.run("update sso_flow set expires_at = created_at where account_id = $1", acme.scene.number)

    assert (await tab.post(acme.connection, *acme.idp.answer(sent.headers["location"]))).status_code == 403
    assert "10 minutes" in (await acme.traced())[0]["reason"]


async def test_a_connection_does_not_answer_for_another(acme: Acme, tab: Visitor, world: World) -> None:
    elsewhere = await world.workspace()
    other = await elsewhere.saml()
    sent = await tab.leave(acme.connection)

    back = await tab.post(other, *acme.idp.answer(sent.headers["location"]))

    assert back.status_code == 403
    assert await acme.sessions() == 0


async def test_each_kind_of_connection_has_its_own_doors(acme: Acme, tab: Visitor) -> None:
    other = await acme.scene.sso()

    replies = [
        await tab.client.get(f"/sso/{acme.connection}/callback", params={"state": "x", "code": "y"}),
        await tab.client.post(f"/sso/{acme.connection}/backchannel", data={"logout_token": "x"}),
        await tab.client.get(f"/sso/{other}/metadata"),
        await tab.client.get(f"/sso/{other}/finish", params={"handle": "x"}),
        await tab.client.post(f"/sso/{other}/acs", data={"SAMLResponse": "x"}),
    ]

    assert [reply.status_code for reply in replies] == [403] * 5
    assert await acme.actions() == []


@pytest.mark.parametrize("body", [b"", b"a&" * 100, b"\xff", b"SAMLResponse=a&SAMLResponse=b", b"x" * 2_000_000])
async def test_the_door_takes_any_body_calmly(body: bytes, acme: Acme, tab: Visitor) -> None:
    reply = await tab.client.post(
        f"/sso/{acme.connection}/acs",
        content=body,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    assert reply.status_code == 403
    assert await acme.sessions() == 0


# Begun at the provider


async def test_an_answer_that_nobody_asked_for_is_refused(acme: Acme, tab: Visitor) -> None:
    acme.idp.told |= {"in_response_to": "", "confirmed": ""}

    back = await tab.post(acme.connection, posted(acme.idp.raw()), "/seats")

    assert (back.status_code, REFUSED in back.text) == (403, True)
    assert await acme.actions() == ["login.refused"]


async def test_where_it_is_allowed_it_begins_a_login_of_ours(acme: Acme, tab: Visitor) -> None:
    await acme.scene.world.change(
        "changeSamlConnection", acme.scene.owner, connection=acme.connection, idpInitiated=True
    )
    unasked = Idp(now=acme.idp.now, told=acme.idp.told | {"in_response_to": "", "confirmed": ""})

    begun = await tab.post(acme.connection, posted(unasked.raw()), "/seats")
    sessions = await acme.sessions()
    sent = await tab.go(begun.headers["location"])
    back = await tab.finish(await tab.post(acme.connection, *acme.idp.answer(sent.headers["location"])))
    replayed = await tab.post(acme.connection, posted(acme.idp.raw()), "made up")

    assert begun.headers["location"] == f"{ORIGIN}/sso/{acme.connection}/login?next=%2Fseats"
    assert sessions == 0
    assert (back.status_code, back.headers["location"]) == (303, "/seats")
    assert replayed.status_code == 403


# Tests, and what is enforced


async def test_an_owners_test_links_them_and_lets_them_enforce(acme: Acme, tab: Visitor) -> None:
    scene = acme.scene
    await scene.glass()
    acme.idp.told["attributes"] = attribute("email", scene.owner.email)
    shown = "url login { id }"
    begun = (await scene.world.change("startSsoTest", scene.owner, shows_=shown, connection=acme.connection)).data

    sent = await tab.go(begun["startSsoTest"]["url"])
    back = await tab.finish(await tab.post(acme.connection, *acme.idp.answer(sent.headers["location"])))
    enforced = await scene.world.change(
        "enforceSso",
        scene.owner,
        shows_="__typename ... on SsoEnforcement { enforced } ... on Problem { message }",
        workspace=scene.id,
        enforced=True,
    )

    (test,) = await acme.traced()
    assert (back.status_code, "set-cookie" in back.headers, escape(TESTED) in back.text) == (200, False, True)
    assert enforced.data["enforceSso"] == {"__typename": "SsoEnforcement", "enforced": True}
    assert (test["purpose"], test["state"]) == ("test", "done")
    assert test["steps"][-1] == "The subject is linked to whoever tried this, for the address is theirs."


async def test_a_test_that_fails_tells_why(acme: Acme, tab: Visitor) -> None:
    scene = acme.scene
    acme.idp.audience = "https://elsewhere.test"
    shown = "url login { id }"
    begun = (await scene.world.change("startSsoTest", scene.owner, shows_=shown, connection=acme.connection)).data
    sent = await tab.go(begun["startSsoTest"]["url"])

    await tab.post(acme.connection, *acme.idp.answer(sent.headers["location"]))

    ask = "query($id: ID!) { ssoTest(id: $id) { state steps reason } }"
    number = begun["startSsoTest"]["login"]["id"]
    test = (await scene.world.ask(ask, scene.members[Role.AUDITOR], id=number)).data["ssoTest"]
    ours = f"{ORIGIN}/sso/{acme.connection}/metadata"
    assert test["state"] == "REFUSED"
    assert test["reason"] == f"The assertion is for https://elsewhere.test, not only for {ours}."


@pytest.mark.parametrize("behavior", [DomainBehavior.NONE, DomainBehavior.SUGGEST])
async def test_the_rules_of_domains_are_the_same(behavior: DomainBehavior, acme: Acme, tab: Visitor) -> None:
    sql = "update workspace_domain set behavior = $2 where account_id = $1"
    await acme.scene.world.run(sql, acme.scene.number, behavior.value)

    assert (await tab.sign_in(acme.connection, acme.idp)).status_code == 403
    assert "don't join by themselves" in (await acme.traced())[0]["reason"]


async def test_an_owner_is_not_taken_over_by_an_attribute(acme: Acme, tab: Visitor) -> None:
    world = acme.scene.world
    await acme.scene.join(Role.OWNER, await world.person(email=f"ada@{acme.name}"))

    assert (await tab.sign_in(acme.connection, acme.idp)).status_code == 403
    assert "owner" in (await acme.traced())[0]["reason"]
