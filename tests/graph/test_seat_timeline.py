"""Where a member sat, told to whoever may see that, with what it has cost to whoever may see that, too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Role
from kernel import ids
from tests.graph.asking import DAY, said
from tests.graph.test_changes import pooled
from tests.scenery import Asker, Scene

TIMELINE = """
    query($member: ID!) {
      seatTimeline(member: $member) { state since until reason cost { minor currency } seat { email } pool { name } }
    }
"""
PRICE = 4_000


async def timeline(scene: Scene, member: str, who: Asker) -> Any:
    """Where a member sat, asked by somebody."""
    return (await scene.world.ask(TIMELINE, who, member=member)).data["seatTimeline"]


async def test_each_stay_is_told_with_what_it_has_cost(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    who = await workspace.join()
    first = await workspace.seat(life.pool, who)
    await life.later(10 * DAY)
    await said(workspace, "releaseSeat", life.who, seat=first, reason="Leave")
    await life.later(5 * DAY)
    await said(workspace, "assignSeat", life.who, pool=life.pool, email=who.email)
    await life.later(timedelta(days=3))
    period = await life.world.value("select period_end - period_start from subscription where id = $1", life.number)

    told = await timeline(workspace, workspace.member(who), life.who)

    assert [(stay["state"], stay["reason"], stay["until"] is None) for stay in told] == [
        ("ACTIVE", None, True),
        ("RELEASED", "Leave", False),
    ]
    assert [stay["seat"]["email"] for stay in told] == [who.email] * 2
    # The clock goes on while a test runs, so a stay is some minutes longer than it was made.
    for stay, days in zip(told, (3, 10), strict=True):
        due = PRICE * timedelta(days=days) / period
        assert stay["cost"]["currency"] == "USD"
        assert due - 1 <= stay["cost"]["minor"] <= due + 40


async def test_a_stay_that_was_never_billed_has_no_cost(workspace: Scene) -> None:
    who = await workspace.join()
    await workspace.seat(await workspace.pool(1), who)

    (stay,) = (await workspace.world.ask(TIMELINE, workspace.owner, member=workspace.member(who))).data["seatTimeline"]

    assert (stay["state"], stay["cost"]) == ("ACTIVE", None)


@pytest.mark.parametrize(
    ("role", "costs"), [(Role.OWNER, True), (Role.AUDITOR, True), (Role.ADMIN, False), (Role.SEAT_ADMIN, False)]
)
async def test_costs_are_for_those_who_see_invoices(workspace: Scene, role: Role, *, costs: bool) -> None:
    life = await pooled(workspace, 1)
    who = await workspace.join()
    await workspace.seat(life.pool, who)
    await life.later(DAY)
    reader = workspace.members[role]
    bearer = life.world.bearer(reader.number, reader.session_number, await life.world.now())

    (stay,) = await timeline(workspace, workspace.member(who), bearer)

    assert (stay["cost"] is not None) is costs
    assert stay["seat"]["email"] == who.email


async def test_a_member_sees_their_own_stays_and_nobody_elses(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    who, other = await workspace.join(), await workspace.join()
    await workspace.seat(life.pool, who)

    (stay,) = await timeline(workspace, workspace.member(who), who)
    assert (stay["state"], stay["cost"], stay["pool"]) == ("ACTIVE", None, None)

    strangers = (other, await workspace.world.person(), None)
    codes = [(await workspace.world.ask(TIMELINE, one, member=workspace.member(who))).code for one in strangers]
    assert codes == ["NOT_FOUND"] * 3
    assert (await workspace.world.ask(TIMELINE, who, member=ids.encode("member", 1))).code == "NOT_FOUND"
