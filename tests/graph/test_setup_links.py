"""Setup links: somebody who is no member sets up one thing, once, and sees nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx2
import pytest

from auth.policy import Role
from auth.setup.rules import MAKES, MAY, SetupPurpose
from kernel import ids
from tests.auth.providing import provider
from tests.auth.saml.answering import certificate, key_of, pem
from tests.graph.attempts import ATTEMPTS, mutations
from tests.graph.crowd import evidence
from tests.graph.surfing import ORIGIN, browser
from tests.scenery import Reply, Scene

SHOWN = "... on Node { id } ... on Problem { message }"


async def handed(scene: Scene, purpose: SetupPurpose) -> str:
    """The text of a link that an admin made."""
    reply = await scene.world.change(
        "createSetupLink",
        scene.members[Role.ADMIN],
        shows_="url link { expiresAt }",
        workspace=scene.id,
        purpose=purpose.name,
    )
    url = str(reply.data["createSetupLink"]["url"])
    assert "/setup?link=sgl_" in url
    return url.partition("link=")[2]


async def used(scene: Scene, text: str) -> httpx2.Response:
    return await scene.world.client.post("/setup", params={"link": text})


async def opened(scene: Scene, purpose: SetupPurpose) -> str:
    """The bearer of a link that was opened."""
    response = await used(scene, await handed(scene, purpose))
    told = response.json()
    assert (told["purpose"], told["workspace"], told["expires_in"]) == (purpose.name, scene.id, 3_600)
    return str(told["access_token"])


async def connect(scene: Scene, bearer: str, issuer: str) -> Reply:
    asked = {"workspace": scene.id, "name": "Acme", "issuer": issuer, "clientId": "seatgraph"}
    return await scene.world.change("createSsoConnection", bearer, shows_=SHOWN, **asked)


async def actions(scene: Scene) -> list[tuple[str, str]]:
    sql = "select action, actor from audit_record where account_id = $1 order by seq"
    return [(row["action"], row["actor"]) for row in await scene.world.rows(sql, scene.number)]


async def test_it_connects_an_identity_provider_and_tests_it_and_links_nobody(workspace: Scene) -> None:
    world = workspace.world
    admin = workspace.members[Role.ADMIN]
    bearer = await opened(workspace, SetupPurpose.SSO)
    async with provider() as idp, browser(world) as tab:
        made = (await connect(workspace, bearer, idp.issuer)).data["createSsoConnection"]["id"]
        idp.claims["email"] = admin.email
        begun = await world.change("startSsoTest", bearer, shows_="url login { id }", connection=made)
        sent = await tab.go(begun.data["startSsoTest"]["url"])
        assert sent.status_code == 303, sent.text

    links = await world.value("select count(*) from sso_identity where account_id = $1", workspace.number)
    record = await world.rows(
        "select * from audit_record where account_id = $1 and action = 'sso.created'", workspace.number
    )
    seen = await world.ask("query($id: ID!) { node(id: $id) { ... on SingleSignOn { name } } }", bearer, id=made)
    assert links == 0
    assert (record[0]["actor"], record[0]["person_id"]) == ("setup", admin.number)
    assert record[0]["token"].startswith("link_")
    assert seen.data["node"] == {"name": "Acme"}
    assert [action for action, _ in await actions(workspace)] == [
        *("setup_link.created", "setup_link.opened", "sso.created", "login.test_started"),
    ]


async def test_a_test_begun_with_it_comes_back_and_makes_nobody_known(workspace: Scene) -> None:
    world, admin = workspace.world, workspace.members[Role.ADMIN]
    bearer = await opened(workspace, SetupPurpose.SSO)
    connection = await workspace.sso(enabled=False)
    number = ids.decode("sso", connection)
    await world.run("update setup_link set made_id = $2 where account_id = $1", workspace.number, number)
    now = world.now
    moment = await now()
    world.provider.now = lambda: moment
    world.provider.claims["email"] = admin.email
    try:
        begun = await world.change("startSsoTest", bearer, shows_="url login { id }", connection=connection)
        async with browser(world) as tab:
            sent = await tab.go(begun.data["startSsoTest"]["url"])
            back = await tab.back(connection, world.provider.sign_in(sent.headers["location"]))
    finally:
        del world.provider.now
        world.provider.claims.clear()

    (login,) = await world.rows("select * from sso_login where account_id = $1", workspace.number)
    assert (back.status_code, login["state"]) == (200, "done")
    assert login["steps"][-1] == "The test was begun with a setup link, so it links nobody."
    assert await world.value("select count(*) from sso_identity where account_id = $1", workspace.number) == 0


async def test_it_makes_one_thing_and_touches_no_other(workspace: Scene) -> None:
    theirs = await workspace.sso()
    bearer = await opened(workspace, SetupPurpose.SSO)
    async with provider() as idp:
        made = (await connect(workspace, bearer, idp.issuer)).data["createSsoConnection"]["id"]
        before = await evidence(workspace)

        again = await connect(workspace, bearer, idp.issuer)
    change = workspace.world.change
    other = await change("changeSsoConnection", bearer, connection=theirs, clientId="mine")
    enabled = await change("changeSsoConnection", bearer, connection=made, enabled=True)
    unchanged = await evidence(workspace) == before
    renamed = await change("changeSsoConnection", bearer, connection=made, name="Ours")

    assert [reply.code for reply in (again, other, enabled)] == ["FORBIDDEN", "NOT_FOUND", "FORBIDDEN"]
    assert unchanged
    assert renamed.data


async def test_it_connects_a_provider_that_speaks_saml_and_looks_after_its_certificates(workspace: Scene) -> None:
    change, bearer = workspace.world.change, await opened(workspace, SetupPurpose.SSO)
    theirs = await workspace.saml()
    first, second = [pem(certificate(key_of(name), 365, now=await workspace.world.now())) for name in ("idp", "next")]
    told: dict[str, Any] = {"issuer": "https://idp.test", "signInUrl": "https://idp.test/sso", "certificates": [first]}

    made = await change(
        "createSamlConnection",
        bearer,
        shows_="... on SingleSignOn { id certificates { id } }",
        **{"workspace": workspace.id, "name": "Okta"} | told,
    )
    connection = made.data["createSamlConnection"]["id"]
    (pinned,) = made.data["createSamlConnection"]["certificates"]
    added = await change("addSsoCertificate", bearer, shows_=SHOWN, connection=connection, certificate=second)
    removed = await change("removeSsoCertificate", bearer, shows_=SHOWN, certificate=pinned["id"])
    before = await evidence(workspace)
    again = await change("createSamlConnection", bearer, workspace=workspace.id, name="Okta", **told)
    other = await change("addSsoCertificate", bearer, connection=theirs, certificate=second)

    assert added.data["addSsoCertificate"]["id"].startswith("certificate_")
    assert removed.data["removeSsoCertificate"]["id"] == pinned["id"]
    assert [reply.code for reply in (again, other)] == ["FORBIDDEN", "NOT_FOUND"]
    assert await evidence(workspace) == before


async def test_it_proves_a_domain(workspace: Scene) -> None:
    bearer = await opened(workspace, SetupPurpose.DOMAIN)
    name = f"acme-{workspace.number:x}.test"

    added = await workspace.world.change(
        "addDomain", bearer, shows_="... on Domain { id value }", workspace=workspace.id, name=name
    )

    assert added.data["addDomain"]["value"].startswith("seatgraph-domain-verification=")


async def test_it_connects_a_directory_and_gives_it_a_token(workspace: Scene) -> None:
    bearer = await opened(workspace, SetupPurpose.DIRECTORY)
    change = workspace.world.change

    made = await change("createDirectory", bearer, shows_="id", workspace=workspace.id, name="Okta")
    directory = made.data["createDirectory"]["id"]
    token = await change(
        "rotateDirectoryToken", bearer, shows_="... on DirectoryTokenShown { text token { id } }", directory=directory
    )

    assert token.data["rotateDirectoryToken"]["text"]


@pytest.mark.parametrize("purpose", SetupPurpose)
async def test_nothing_but_its_purpose_is_done_with_it(workspace: Scene, purpose: SetupPurpose) -> None:
    bearer = await opened(workspace, purpose)
    wanted = {*("renameWorkspace", "enforceSso", "inviteMember", "createSetupLink", "createServiceKey", "viewAs")}
    wanted |= MAKES - MAY[purpose]
    asked = {name: await ATTEMPTS[name](workspace, "link") for name in sorted(wanted)}
    before = await evidence(workspace)

    codes = {
        name: (await workspace.world.change(name, bearer, shows_=mutations()[name], **input_)).code
        for name, input_ in asked.items()
    }

    assert codes == dict.fromkeys(asked, "FORBIDDEN")
    assert await evidence(workspace) == before


async def test_nothing_else_is_seen_with_it(workspace: Scene) -> None:
    world = workspace.world
    theirs = [
        *(await workspace.sso(), await workspace.login(), await workspace.directory("Okta")),
        *(await workspace.domain(f"acme-{workspace.number:x}.test"), (await workspace.glass())[0]),
        *(await workspace.identity(await workspace.join()), (await workspace.setup_link())[0]),
        *(workspace.owner.id, workspace.account, workspace.member(workspace.owner), await workspace.invoice()),
    ]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    lists = (
        "query($id: ID!) { workspace(id: $id) { name members(first: 5) { totalCount } auditLog(first: 5) { totalCount }"
        " ssoConnections { id } directories { id } domains { id } setupLinks { id } breakGlass { id } } }"
    )

    for purpose in SetupPurpose:
        bearer = await opened(workspace, purpose)
        nodes = (await world.ask(document, bearer, ids=theirs)).data["nodes"]
        told = (await world.ask(lists, bearer, id=workspace.id)).data["workspace"]
        assert nodes == [None] * len(theirs)
        assert told == {
            "name": "Acme",
            **{name: {"totalCount": 0} for name in ("members", "auditLog")},
            **{name: [] for name in ("ssoConnections", "directories", "domains", "setupLinks", "breakGlass")},
        }
        assert (await world.ask("{ viewer { person { id } } }", bearer)).code == "UNAUTHENTICATED"
        headers = {"authorization": f"Bearer {bearer}"}
        export = await world.client.get("/export/audit.csv", params={"account": workspace.account}, headers=headers)
        assert export.status_code == 401


async def test_it_opens_once_whoever_comes_first(workspace: Scene) -> None:
    text = await handed(workspace, SetupPurpose.SSO)

    responses = await asyncio.gather(*(used(workspace, text) for _ in range(4)))

    assert sorted(response.status_code for response in responses) == [200, 404, 404, 404]
    assert [action for action, _ in await actions(workspace)] == ["setup_link.created", "setup_link.opened"]


async def test_looking_at_it_opens_nothing(workspace: Scene) -> None:
    text = await handed(workspace, SetupPurpose.SSO)

    page = await workspace.world.client.get("/setup", params={"link": text})
    odd = await workspace.world.client.get("/setup", params={"link": '"><script>'})

    assert (page.status_code, page.headers["referrer-policy"]) == (200, "same-origin")
    assert odd.status_code == 404
    assert "<script>" not in odd.text
    assert (await used(workspace, text)).status_code == 200


@pytest.mark.parametrize("purpose", SetupPurpose)
async def test_its_page_says_what_it_is_for_and_whose_and_until_when(workspace: Scene, purpose: SetupPurpose) -> None:
    await workspace.world.run("update workspace set name = 'Acme <b>& Sons' where id = $1", workspace.number)
    text = await handed(workspace, purpose)
    expires = await workspace.world.value("select expires_at from setup_link where account_id = $1", workspace.number)

    page = await workspace.world.client.get("/setup", params={"link": text})

    policy = page.headers["content-security-policy"]
    assert page.text.count("Acme &lt;b&gt;&amp; Sons") >= 2
    assert "<b>" not in page.text
    assert f"{expires:%Y, %H:%M} UTC" in page.text
    assert re.findall(r"(?:src|href)=", page.text) == []
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


async def test_a_browser_that_opens_it_is_sent_to_the_forms_once(workspace: Scene) -> None:
    text = await handed(workspace, SetupPurpose.DOMAIN)
    headers = {"accept": "text/html,*/*;q=0.8", "origin": ORIGIN}

    async with browser(workspace.world) as tab, browser(workspace.world) as another:
        page = await tab.client.post("/setup", params={"link": text}, headers=headers)
        again = await another.client.post("/setup", params={"link": text}, headers=headers)

    assert (page.status_code, page.headers["location"], page.headers["cache-control"]) == (
        303,
        "/setup/form",
        "no-store",
    )
    assert (again.status_code, "set-cookie" in again.headers) == (404, False)
    assert 'role="alert"' in again.text


ENDED = {
    "revoked": "update setup_link set revoked_at = created_at where account_id = $1",
    "older than three days": (
        "update setup_link set created_at = created_at - interval '4 days', expires_at = created_at - interval '1 day'"
        " where account_id = $1"
    ),
}


@pytest.mark.parametrize("how", ENDED)
async def test_one_that_is_over_opens_nothing(workspace: Scene, how: str) -> None:
    text = await handed(workspace, SetupPurpose.SSO)
    await workspace.world.run(ENDED[how], workspace.number)
    before = await evidence(workspace)

    response = await used(workspace, text)

    assert response.status_code == 404
    assert await evidence(workspace) == before


@pytest.mark.parametrize("text", ["", "sgl_", "sgl_" + "a" * 43, "sgu_" + "a" * 43, "\x00", "a" * 3_000])
async def test_what_is_no_link_says_the_same(workspace: Scene, text: str) -> None:
    response = await used(workspace, text)

    assert response.status_code == 404
    assert list(response.json()) == ["message"]


LOST = {
    "revoked": "update setup_link set revoked_at = opened_at where account_id = $1",
    "an hour ago": "update setup_link set opened_at = opened_at - interval '1 hour' where account_id = $1",
    "of somebody who is an admin no more": (
        "update member set role = 'member' where account_id = $1 and role = 'admin'"
    ),
}


@pytest.mark.parametrize("how", LOST)
async def test_its_bearer_counts_no_more(workspace: Scene, how: str) -> None:
    bearer = await opened(workspace, SetupPurpose.DOMAIN)
    await workspace.world.run(LOST[how], workspace.number)

    reply = await workspace.world.change("addDomain", bearer, workspace=workspace.id, name="acme.test")

    assert reply.status == 401


async def test_an_admin_ends_it_and_reads_what_became_of_it(workspace: Scene) -> None:
    bearer = await opened(workspace, SetupPurpose.SSO)
    listing = "query($id: ID!) { workspace(id: $id) { setupLinks { id purpose openedAt revokedAt createdBy { id } } } }"
    auditor = workspace.members[Role.AUDITOR]
    (told,) = (await workspace.world.ask(listing, auditor, id=workspace.id)).data["workspace"]["setupLinks"]

    ended = await workspace.world.change("revokeSetupLink", workspace.owner, shows_="revokedAt", link=told["id"])

    assert (told["purpose"], told["createdBy"]["id"]) == ("SSO", workspace.members[Role.ADMIN].id)
    assert told["openedAt"]
    assert ended.data["revokeSetupLink"]["revokedAt"]
    named = "query($id: ID!) { workspace(id: $id) { name } }"
    assert (await workspace.world.ask(named, bearer, id=workspace.id)).status == 401


async def test_its_text_is_kept_nowhere(workspace: Scene) -> None:
    text = await handed(workspace, SetupPurpose.SSO)
    told: Any = (await used(workspace, text)).json()["access_token"]

    kept = await workspace.world.rows(
        "select to_jsonb(t)::text as row from audit_record t where account_id = $1"
        " union all select to_jsonb(t)::text from setup_link t where account_id = $1"
        " union all select to_jsonb(t)::text from outbox t where account_id = $1",
        workspace.number,
    )

    assert not any(secret in json.dumps(row["row"]) for row in kept for secret in (text, told))
