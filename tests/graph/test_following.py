"""The address of somebody changed at their identity provider: whether they are followed, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Role
from auth.tables import Session
from kernel import ids
from tests.auth.providing import Provider
from tests.auth.saml.answering import attribute
from tests.auth.saml.surfing import idp_of, visitor
from tests.graph.surfing import Browser, browser
from tests.scenery import Scene, World

WHO = "{ viewer { person { email } } }"


@pytest.fixture
async def first(world: World) -> AsyncIterator[Browser]:
    async with browser(world) as made:
        yield made


@pytest.fixture
async def second(world: World) -> AsyncIterator[Browser]:
    async with browser(world) as made:
        yield made


@pytest.fixture
async def acme(workspace: Scene, idp: Provider, first: Browser) -> tuple[Scene, str, str]:
    """A workspace, its SSO connection and its domain; ada@ has come in, in the first browser."""
    name = f"acme-{workspace.number:x}.test"
    idp.claims["email"] = f"ada@{name}"
    await workspace.domain(name)
    connection = await workspace.sso(idp.issuer)
    await first.sign_in(connection, idp)
    return workspace, connection, name


async def email(tab: Browser) -> str | None:
    """By which address somebody is known who signed in; None for nobody."""
    viewer = ((await tab.ask(WHO)).json().get("data") or {}).get("viewer")
    return viewer and viewer["person"]["email"]


async def last_steps(scene: Scene) -> str:
    sql = "select state, steps from sso_login where account_id = $1 order by id desc limit 1"
    (login,) = await scene.world.rows(sql, scene.number)
    return f"{login['state']}: {' '.join(login['steps'])}"


async def followed(scene: Scene) -> list[Any]:
    sql = "select before, after from audit_record where account_id = $1 and action = 'identity.followed'"
    return [(json.loads(row["before"]), json.loads(row["after"])) for row in await scene.world.rows(sql, scene.number)]


async def test_whoever_has_another_address_there_is_known_by_it_and_their_other_sessions_end(
    acme: tuple[Scene, str, str], idp: Provider, first: Browser, second: Browser
) -> None:
    scene, connection, name = acme
    idp.claims["email"] = f"Hopper@{name}"

    back = await second.sign_in(connection, idp)

    assert back.status_code == 303
    assert (await email(first), await email(second)) == (None, f"hopper@{name}")
    assert await followed(scene) == [({"email": f"ada@{name}"}, {"email": f"hopper@{name}"})]
    assert f"says hopper@{name} now in place of ada@{name}" in await last_steps(scene)
    ended = await scene.world.rows("select ended_why from session where account_id = $1 order by id", scene.number)
    assert [row["ended_why"] for row in ended] == ["the address changed", None]


async def test_an_address_that_stays_ends_nothing_and_one_that_comes_back_is_followed_back(
    acme: tuple[Scene, str, str], idp: Provider, first: Browser, second: Browser
) -> None:
    scene, connection, name = acme
    idp.claims["email"] = f"hopper@{name}"
    await first.sign_in(connection, idp)
    await second.sign_in(connection, idp)
    both = await email(first), await email(second)
    idp.claims["email"] = f"ada@{name}"

    await second.sign_in(connection, idp)

    assert both == (f"hopper@{name}", f"hopper@{name}")
    assert (await email(first), await email(second)) == (None, f"ada@{name}")
    assert len(await followed(scene)) == 2


async def test_whoever_is_followed_is_signed_out_of_their_own_sign_in_too_and_nobody_else_is(
    acme: tuple[Scene, str, str], idp: Provider, second: Browser
) -> None:
    scene, connection, name = acme
    world, now = scene.world, await scene.world.now()
    person = await world.value("select id from person where email = $1", f"ada@{name}")
    session = world.number()
    own = Session(id=session, person_id=person, issuer="dev", created_at=now, expires_at=now + timedelta(hours=1))
    await world.put(own)
    bearer = world.bearer(person, session, now)
    before = await world.ask(WHO, bearer)
    idp.claims["email"] = f"hopper@{name}"

    await second.sign_in(connection, idp)

    assert before.data["viewer"]["person"]["email"] == f"ada@{name}"
    assert (await world.ask(WHO, bearer)).code == "UNAUTHENTICATED"
    assert await world.value("select ended_why from session where id = $1", session) == "the address changed"
    assert (await world.ask(WHO, scene.owner)).data["viewer"]["person"]["email"] == scene.owner.email
    assert await email(second) == f"hopper@{name}"


async def test_somebody_is_followed_by_saml_too(workspace: Scene) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    connection = await workspace.saml()
    async with visitor(workspace.world) as tab:
        for address in ("ada", "hopper"):
            idp = idp_of(connection, await workspace.world.now())
            idp.told["attributes"] = attribute("email", f"{address}@{name}")
            await tab.sign_in(connection, idp)

        assert await email(tab) == f"hopper@{name}"
    assert await followed(workspace) == [({"email": f"ada@{name}"}, {"email": f"hopper@{name}"})]


NOT_FOLLOWED = {
    "taken": "somebody else has the new one.",
    "foreign": "elsewhere.test is not a verified domain here.",
    "owner": "no provider changes the address of an owner.",
    "elsewhere": "they belong to another workspace, too.",
}


async def hindered(scene: Scene, why: str, name: str) -> str:
    """The address that the provider says by now, after something made it one that is not followed."""
    world = scene.world
    person = await world.value("select id from person where email = $1", f"ada@{name}")
    if why == "taken":
        await world.person("hopper", email=f"hopper@{name}")
    elif why == "owner":
        await world.run("update member set role = 'owner' where person_id = $1", person)
    elif why == "elsewhere":
        other = await world.workspace(roles=[Role.OWNER])
        await world.run(
            "insert into member (account_id, id, person_id, role, state, joined_at)"
            " values ($1, $2, $3, 'member', 'active', $4)",
            *(other.number, world.number(), person, await world.now()),
        )
    return "hopper@elsewhere.test" if why == "foreign" else f"hopper@{name}"


@pytest.mark.parametrize("why", sorted(NOT_FOLLOWED))
async def test_whoever_is_not_followed_comes_in_as_who_they_were_and_the_trace_says_why(
    why: str, acme: tuple[Scene, str, str], idp: Provider, first: Browser, second: Browser
) -> None:
    scene, connection, name = acme
    idp.claims["email"] = await hindered(scene, why, name)

    back = await second.sign_in(connection, idp)

    assert back.status_code == 303
    assert (await email(first), await email(second)) == (f"ada@{name}", f"ada@{name}")
    assert await followed(scene) == []
    told = await last_steps(scene)
    assert told.startswith("done: ")
    assert f"we go on to know them by ada@{name}: {NOT_FOLLOWED[why]}" in told


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email": None}])
async def test_an_address_that_the_provider_does_not_vouch_for_is_not_followed(
    claims: dict[str, Any], acme: tuple[Scene, str, str], idp: Provider, first: Browser, second: Browser
) -> None:
    scene, connection, name = acme
    idp.claims |= {"email": f"hopper@{name}", **claims}

    await second.sign_in(connection, idp)

    assert (await email(first), await email(second)) == (f"ada@{name}", f"ada@{name}")
    assert await followed(scene) == []


async def test_whose_address_the_provider_never_said_keeps_their_own(
    workspace: Scene, idp: Provider, first: Browser
) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    connection, grace = await workspace.sso(idp.issuer), await workspace.join(Role.MEMBER)
    idp.claims["email"] = f"ada@{name}"
    link = await workspace.identity(grace, connection)
    await workspace.world.run("update sso_identity set subject = 'ada' where id = $1", ids.decode("identity", link))

    await first.sign_in(connection, idp)
    await first.sign_in(connection, idp)

    assert await email(first) == grace.email
    assert await followed(workspace) == []


async def test_whose_address_is_of_another_domain_keeps_it_whatever_the_provider_says(
    workspace: Scene, idp: Provider, first: Browser
) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    connection, grace = await workspace.sso(idp.issuer), await workspace.join(Role.MEMBER)
    link = await workspace.identity(grace, connection)
    await workspace.world.run("update sso_identity set subject = 'ada' where id = $1", ids.decode("identity", link))
    for address in (grace.email, f"ada@{name}"):
        idp.claims["email"] = address
        assert (await first.sign_in(connection, idp)).status_code == 303

    assert await email(first) == grace.email
    assert await followed(workspace) == []


SAID = {
    "a sign-in that was let in": ("sign_in", "done", True),
    "a sign-in that was refused": ("sign_in", "refused", False),
    "a sign-in that never came back": ("sign_in", "waiting", False),
    "a test": ("test", "done", False),
    "a sign-out": ("sign_out", "done", False),
}


@pytest.mark.parametrize("said", SAID)
async def test_what_was_said_before_counts_where_it_was_said_to_come_in(
    said: str, workspace: Scene, idp: Provider, first: Browser
) -> None:
    purpose, state, moved = SAID[said]
    name, world = f"acme-{workspace.number:x}.test", workspace.world
    await workspace.domain(name)
    connection, grace = await workspace.sso(idp.issuer), await workspace.join(Role.MEMBER)
    link, login = await workspace.identity(grace, connection), await workspace.login(connection)
    await world.run("update person set email = $2 where id = $1", grace.number, f"grace@{name}")
    await world.run("update sso_identity set subject = 'ada' where id = $1", ids.decode("identity", link))
    await world.run(
        "update sso_login set subject = 'ada', email = $2, purpose = $3, state = $4,"
        " reason = case $4 when 'refused' then reason end where id = $1",
        *(ids.decode("login", login), f"grace@{name}", purpose, state),
    )
    idp.claims["email"] = f"hopper@{name}"

    await first.sign_in(connection, idp)

    assert await email(first) == (f"hopper@{name}" if moved else f"grace@{name}")
    assert len(await followed(workspace)) == moved
