"""Suggestions: people of a proven domain are told of its workspace, ask to join, and an admin decides."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import Role
from auth.sso.rules import DomainBehavior
from kernel import ids
from seats.seating import SeatState
from seats.suggesting import ASKED_FOR
from tests.graph.asking import counted, letters, logged, work_off
from tests.graph.crowd import evidence
from tests.scenery import Scene, Somebody

SUGGESTIONS = """
    { viewer { suggestions { workspaceId name domain request { id state } }
               joinRequests { nodes { state } } memberships { nodes { role workspace { id } } } } }
"""
PREVIEW = """
    query ($workspace: ID!) {
      suggestionPreview(workspace: $workspace) {
        workspaceId name seats { plan { key } } own { outcome canceledNow { total { minor } } }
      }
    }
"""
ASKED = "__typename ... on JoinRequest { id state email note reason } ... on Problem { message }"
LET_IN = "__typename ... on Member { id role state person { id } } ... on Problem { message }"


async def told(scene: Scene, who: Somebody) -> Any:
    """What somebody is suggested."""
    return (await scene.world.ask(SUGGESTIONS, who)).data["viewer"]


async def does(scene: Scene, mutation: str, who: Any, **input_: Any) -> Any:
    """What came of a mutation."""
    shows = LET_IN if mutation == "approveJoinRequest" else ASKED
    return (await scene.world.change(mutation, who, shows_=shows, **input_)).data[mutation]


async def asked(scene: Scene, who: Somebody, note: str | None = None) -> Any:
    """What came of asking to join."""
    return await does(scene, "askToJoin", who, workspace=scene.id, note=note)


async def mailed(scene: Scene) -> list[tuple[str, str]]:
    """The letters about who asked to join: of which kind, and to whom."""
    rows = await scene.world.rows(
        "select kind, address from letter where account_id = $1 and kind like 'join%' order by id", scene.number
    )
    return [(row["kind"], row["address"]) for row in rows]


async def test_somebody_of_the_domain_is_told_and_asks_and_is_let_in(workspace: Scene) -> None:
    who = await workspace.colleague()
    (suggestion,) = (await told(workspace, who))["suggestions"]

    request = await asked(workspace, who, "From the lab.")
    (after,) = (await told(workspace, who))["suggestions"]
    member = await does(workspace, "approveJoinRequest", workspace.members[Role.SEAT_ADMIN], request=request["id"])
    seen = await told(workspace, who)

    domain = who.email.rpartition("@")[2]
    assert suggestion == {
        "workspaceId": workspace.id,
        "name": await workspace.world.value("select name from workspace where id = $1", workspace.number),
        "domain": domain,
        "request": None,
    }
    assert (request["state"], request["email"], request["note"]) == ("OPEN", who.email, "From the lab.")
    assert after["request"] == {"id": request["id"], "state": "OPEN"}
    assert (member["role"], member["state"], member["person"]) == ("MEMBER", "ACTIVE", {"id": who.id})
    assert seen["suggestions"] == []
    assert [one["state"] for one in seen["joinRequests"]["nodes"]] == ["APPROVED"]
    assert [one["workspace"]["id"] for one in seen["memberships"]["nodes"]] == [workspace.id]
    assert (await logged(workspace))[-3:] == ["join_request.opened", "member.joined", "join_request.approved"]


@pytest.mark.parametrize("behavior", [one for one in DomainBehavior if one is not DomainBehavior.SUGGEST])
async def test_only_a_domain_that_suggests_is_told_of(workspace: Scene, behavior: DomainBehavior) -> None:
    who = await workspace.colleague()
    await workspace.world.run(
        "update workspace_domain set behavior = $2, pool_id = $3 where account_id = $1",
        workspace.number,
        behavior.value,
        ids.decode("pool", await workspace.pool()) if behavior is DomainBehavior.JOIN_AND_SEAT else None,
    )
    before = await evidence(workspace)

    reply = await workspace.world.change("askToJoin", who, shows_=ASKED, workspace=workspace.id)

    assert (await told(workspace, who))["suggestions"] == []
    assert reply.code == "NOT_FOUND"
    assert await evidence(workspace) == before


@pytest.mark.parametrize(
    "undone",
    [
        "update workspace_domain set verified_at = null where account_id = $1",
        "update workspace_domain set removed_at = created_at where account_id = $1",
        "update person set email_verified = false where id = $2 and $1 > 0",
        "update person set email = 'x.' || email where id = $2 and $1 > 0",
    ],
)
async def test_what_ties_somebody_to_the_workspace_has_to_hold_when_an_admin_decides(
    workspace: Scene, undone: str
) -> None:
    who = await workspace.colleague()
    request = await asked(workspace, who)
    given = (workspace.number, who.number) if "$2" in undone else (workspace.number,)
    await workspace.world.run(undone, *given)
    before = await evidence(workspace)

    answer = await does(workspace, "approveJoinRequest", workspace.owner, request=request["id"])

    assert answer["__typename"] == "JoinRequestSettled"
    assert answer["message"].startswith("This request is withdrawn")
    assert await evidence(workspace) == before


async def test_nobody_is_told_of_another_workspace(workspace: Scene) -> None:
    who, other = await workspace.colleague(), await workspace.world.workspace()
    await other.domain(f"d{other.number}.test", DomainBehavior.SUGGEST)
    stranger = await workspace.world.person()

    answers = [
        (await workspace.world.change("askToJoin", one, shows_=ASKED, workspace=each.id)).code
        for one, each in ((who, other), (stranger, workspace), (workspace.owner, workspace))
    ]
    preview = await workspace.world.ask(PREVIEW, stranger, workspace=workspace.id)

    assert answers == ["NOT_FOUND"] * 3
    assert preview.code == "NOT_FOUND"
    assert (await told(workspace, stranger))["suggestions"] == []


async def test_somebody_asks_once_at_a_time(workspace: Scene) -> None:
    who = await workspace.colleague()
    await asked(workspace, who)
    before = await evidence(workspace)

    again = await asked(workspace, who)

    assert again["__typename"] == "AlreadyAsked"
    assert await evidence(workspace) == before


async def test_who_is_declined_is_told_why_and_may_ask_again(workspace: Scene) -> None:
    who = await workspace.colleague()
    request = await asked(workspace, who)

    declined = await does(
        workspace, "declineJoinRequest", workspace.owner, request=request["id"], reason="Ask your team first."
    )
    twice = await does(workspace, "declineJoinRequest", workspace.owner, request=request["id"], reason="No.")
    await work_off(workspace.world)
    again = await asked(workspace, who)

    assert (declined["state"], declined["reason"]) == ("DECLINED", "Ask your team first.")
    assert twice["__typename"] == "JoinRequestSettled"
    assert ("join_declined", who.email) in await mailed(workspace)
    assert again["state"] == "OPEN"


async def test_admins_are_told_who_asks_and_whoever_asked_what_came_of_it(workspace: Scene) -> None:
    who = await workspace.colleague()
    request = await asked(workspace, who)
    await work_off(workspace.world)
    first = await mailed(workspace)

    await does(workspace, "approveJoinRequest", workspace.owner, request=request["id"])
    await work_off(workspace.world)

    admins = {workspace.members[role].email for role in (Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN)}
    assert {address for kind, address in first if kind == "join_asked"} == admins
    assert (await mailed(workspace))[len(first) :] == [("join_approved", who.email)]


async def test_a_request_that_nobody_decides_runs_out(workspace: Scene) -> None:
    who = await workspace.colleague()
    request = await asked(workspace, who)

    await work_off(workspace.world, later=ASKED_FOR)

    state = "select state from join_request where id = $1"
    assert await workspace.world.value(state, ids.decode("joining", request["id"])) == "expired"
    assert "join_request.expired" in await logged(workspace)


async def test_whoever_is_let_in_has_the_seats_that_waited_and_no_invitation(workspace: Scene) -> None:
    who, pool = await workspace.colleague(), await workspace.pool(1)
    await workspace.invitation(who.email)
    await workspace.seat(pool, who.email)
    shown = (await workspace.world.ask(PREVIEW, who, workspace=workspace.id)).data["suggestionPreview"]
    request = await asked(workspace, who)

    await does(workspace, "approveJoinRequest", workspace.owner, request=request["id"])

    assert (shown["workspaceId"], len(shown["seats"]), shown["own"]) == (workspace.id, 1, [])
    assert await letters(workspace, who.email) == ["revoked"]
    state = "select state from assignment where account_id = $1 and person_id = $2"
    assert await workspace.world.value(state, workspace.number, who.number) == SeatState.ACTIVE
    assert await counted(workspace, pool) == (1, 1)


async def test_only_whoever_invites_people_decides(workspace: Scene) -> None:
    request, other = await workspace.asks_to_join(), await workspace.colleague()
    before = await evidence(workspace)

    codes = [
        (await workspace.world.change("approveJoinRequest", who, shows_=LET_IN, request=request)).code
        for who in (workspace.members[Role.AUDITOR], workspace.members[Role.MEMBER], other)
    ]

    assert codes == ["FORBIDDEN", "NOT_FOUND", "NOT_FOUND"]
    assert await evidence(workspace) == before


# Taking it back


async def test_whoever_asked_takes_it_back_and_may_ask_again(workspace: Scene) -> None:
    who = await workspace.colleague()
    request = await asked(workspace, who)

    withdrawn = await does(workspace, "withdrawJoinRequest", who, request=request["id"])
    (suggestion,) = (await told(workspace, who))["suggestions"]
    again = await asked(workspace, who)

    assert (withdrawn["state"], withdrawn["reason"]) == ("WITHDRAWN", None)
    assert suggestion["request"] is None
    assert again["state"] == "OPEN"
    assert (await logged(workspace))[-3:] == ["join_request.opened", "join_request.withdrawn", "join_request.opened"]


async def test_a_request_that_was_taken_back_is_not_decided(workspace: Scene) -> None:
    who = await workspace.colleague()
    request = await asked(workspace, who)
    await does(workspace, "withdrawJoinRequest", who, request=request["id"])
    before = await evidence(workspace)

    approved = await does(workspace, "approveJoinRequest", workspace.owner, request=request["id"])
    twice = await does(workspace, "withdrawJoinRequest", who, request=request["id"])

    message = f"This request is withdrawn, so nothing was changed. {who.email} can ask again, or be invited."
    assert approved == twice == {"__typename": "JoinRequestSettled", "message": message}
    assert await evidence(workspace) == before


async def test_a_request_is_taken_back_where_the_workspace_suggests_nothing_any_more(workspace: Scene) -> None:
    who = await workspace.colleague()
    request = await asked(workspace, who)
    await workspace.world.run(
        "update workspace_domain set behavior = 'none' where account_id = $1 and name = $2",
        workspace.number,
        who.email.rpartition("@")[2],
    )

    withdrawn = await does(workspace, "withdrawJoinRequest", who, request=request["id"])

    assert withdrawn["state"] == "WITHDRAWN"


async def test_nobody_takes_back_what_another_has_asked(workspace: Scene) -> None:
    request, other = await workspace.asks_to_join(), await workspace.colleague()
    before = await evidence(workspace)

    codes = [
        (await workspace.world.change("withdrawJoinRequest", who, shows_=ASKED, request=request)).code
        for who in (workspace.owner, other, workspace.members[Role.MEMBER])
    ]

    assert codes == ["FORBIDDEN", "NOT_FOUND", "NOT_FOUND"]
    assert await evidence(workspace) == before
