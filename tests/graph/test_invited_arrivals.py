"""Somebody who was invited comes by single sign-on: as who was invited, with the seat that waits, and no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Role
from auth.sso.rules import DomainBehavior
from kernel import ids
from tests.auth.providing import Provider
from tests.graph.asking import work_off
from tests.graph.surfing import browser
from tests.scenery import Scene


async def arrives(scene: Scene, idp: Provider, email: str) -> str:
    """Somebody with this address comes by single sign-on; what their login says."""
    idp.claims["email"] = email
    async with browser(scene.world) as tab:
        assert (await tab.sign_in(await scene.sso(idp.issuer), idp)).status_code == 303
    await work_off(scene.world)
    steps = await scene.world.value("select steps from sso_login where account_id = $1", scene.number)
    return " ".join(steps)


async def seats(scene: Scene) -> list[Any]:
    """The seats of a workspace that count: whose, of which pool, and in which state."""
    rows = await scene.world.rows(
        "select email, pool_id, state, person_id is not null as here from assignment"
        " where account_id = $1 and state <> 'released'",
        scene.number,
    )
    return [(row["email"], ids.encode("pool", row["pool_id"]), row["state"], row["here"]) for row in rows]


async def assigned(scene: Scene, pool: str) -> int:
    found: int = await scene.world.value("select assigned from license_pool where id = $1", ids.decode("pool", pool))
    return found


async def became(scene: Scene, email: str) -> tuple[str | None, str]:
    """The role of whoever has an address, and what became of their invitation."""
    role = "select role from member m join person p on p.id = m.person_id where m.account_id = $1 and p.email = $2"
    state = "select state from invitation where account_id = $1"
    return await scene.world.value(role, scene.number, email), await scene.world.value(state, scene.number)


@pytest.mark.parametrize("known", [False, True], ids=["somebody new", "somebody with an account"])
@pytest.mark.parametrize("behavior", list(DomainBehavior))
async def test_the_seat_that_waits_is_theirs_and_no_second_one(
    behavior: DomainBehavior, known: bool, workspace: Scene, idp: Provider
) -> None:
    world, name = workspace.world, f"own-{workspace.number:x}.test"
    email, pool, other = f"ada@{name}", await workspace.pool(2), await workspace.pool(2)
    await workspace.domain(name, behavior, pool=other if behavior is DomainBehavior.JOIN_AND_SEAT else None)
    if known:
        await world.person("ada", email=email)
    await world.change("assignSeat", workspace.owner, pool=pool, email=email)
    waiting = await seats(workspace)

    told = await arrives(workspace, idp, email)

    assert waiting == [(email, pool, "invited", False)]
    assert await seats(workspace) == [(email, pool, "active", True)]
    assert (await assigned(workspace, pool), await assigned(workspace, other)) == (1, 0)
    assert await became(workspace, email) == ("member", "accepted")
    assert "A seat that waited for them is theirs." in told


@pytest.mark.parametrize(
    ("invited", "role", "state"),
    [
        (Role.BILLING_ADMIN, "billing_admin", "accepted"),
        (Role.ADMIN, "admin", "accepted"),
        (Role.OWNER, "member", "revoked"),
    ],
)
async def test_they_are_what_they_were_invited_as_but_no_provider_makes_an_owner(
    invited: Role, role: str, state: str, workspace: Scene, idp: Provider
) -> None:
    name = f"own-{workspace.number:x}.test"
    await workspace.domain(name)
    await workspace.invitation(f"ada@{name}", invited)

    told = await arrives(workspace, idp, f"ada@{name}")

    assert await became(workspace, f"ada@{name}") == (role, state)
    assert f"They joined as {role.replace('_', ' ')}, for they were invited." in told


async def test_an_invitation_that_is_over_gives_nothing(workspace: Scene, idp: Provider) -> None:
    world, name = workspace.world, f"own-{workspace.number:x}.test"
    email, pool = f"ada@{name}", await workspace.pool(2)
    await workspace.domain(name)
    await workspace.invitation(email, Role.ADMIN, sent=await world.now() - timedelta(days=8))
    await workspace.seat(pool, email)

    await arrives(workspace, idp, email)

    assert await seats(workspace) == []
    assert await assigned(workspace, pool) == 0
    assert await became(workspace, email) == ("member", "expired")


@pytest.mark.parametrize("why", ["nobody invited them", "the invitation is over", "somebody else is invited"])
async def test_whoever_needs_an_invitation_and_has_none_does_not_come_in(
    why: str, workspace: Scene, idp: Provider
) -> None:
    world, name = workspace.world, f"own-{workspace.number:x}.test"
    await workspace.domain(name, DomainBehavior.NONE)
    if why == "the invitation is over":
        await workspace.invitation(f"ada@{name}", sent=await world.now() - timedelta(days=8))
    elif why == "somebody else is invited":
        await workspace.invitation(f"bob@{name}")
    idp.claims["email"] = f"ada@{name}"

    async with browser(world) as tab:
        back = await tab.sign_in(await workspace.sso(idp.issuer), idp)

    reason = await world.value("select reason from sso_login where account_id = $1", workspace.number)
    assert back.status_code == 403
    assert reason == f"ada@{name} is no member, and people of {name} don't join by themselves."
    assert await world.value("select count(*) from person where email = $1", f"ada@{name}") == 0


async def test_an_invitation_outside_of_verified_domains_lets_nobody_in(workspace: Scene, idp: Provider) -> None:
    world, email = workspace.world, f"ada@other-{workspace.number:x}.test"
    await workspace.domain(f"own-{workspace.number:x}.test")
    await workspace.invitation(email)
    idp.claims["email"] = email

    async with browser(world) as tab:
        back = await tab.sign_in(await workspace.sso(idp.issuer), idp)

    state = await world.value("select state from invitation where account_id = $1", workspace.number)
    assert (back.status_code, state) == (403, "pending")
