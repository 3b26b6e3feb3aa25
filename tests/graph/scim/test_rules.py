"""Rules: what the people of a group get a moment after, and never more than whoever made the rule may give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.directories.deciding import Rule, decide
from auth.policy import Role
from kernel import ids
from tests.graph.asking import counted, work_off
from tests.graph.scim.talking import Talk, talking
from tests.graph.scim.test_dialects import group
from tests.scenery import Scene

SHOWN = "__typename ... on GroupRule { id role priority pool { id } group { people } }"


async def ruled(talk: Talk, which: str, as_: Role = Role.OWNER, **told: Any) -> str:
    """The id of a rule for a group that SCIM calls so."""
    scene = talk.scene
    reply = await scene.world.change("setGroupRule", scene.members[as_], shows_=SHOWN, group=which, **told)
    await work_off(scene.world)
    return str(reply.data["setGroupRule"]["id"])


async def role_of(talk: Talk, user: str) -> str:
    person = (await talk.entry(user))["person_id"]
    return str(
        await talk.scene.world.value(
            "select role from member where account_id = $1 and person_id = $2 and state = 'active'",
            talk.scene.number,
            person,
        )
    )


async def seats_of(talk: Talk, user: str) -> list[tuple[str, str, str]]:
    person = (await talk.entry(user))["person_id"]
    rows = await talk.scene.world.rows(
        "select pool_id, state, source from assignment where person_id = $1 and state <> 'released' order by id", person
    )
    return [(ids.encode("pool", row["pool_id"]), row["state"], row["source"]) for row in rows]


async def put(talk: Talk, which: str, *users: str) -> None:
    value = [{"value": user} for user in users]
    reply = await talk.patch(f"/Groups/{which}", {"op": "replace", "path": "members", "value": value})
    assert reply.status_code == 204
    await work_off(talk.scene.world)


async def test_a_rule_gives_a_role_and_takes_it_again(workspace: Scene) -> None:
    talk = await talking(workspace)
    grace = await talk.user()
    team = await group(talk)
    await ruled(talk, team["id"], role="AUDITOR")

    await put(talk, team["id"], grace["id"])
    given = await role_of(talk, grace["id"])
    await put(talk, team["id"])

    assert (given, await role_of(talk, grace["id"])) == ("auditor", "member")


async def test_a_rule_gives_seats_or_places_in_the_line_and_takes_them_again(workspace: Scene) -> None:
    talk = await talking(workspace)
    pool = await workspace.pool(seats=1)
    one, two = await talk.user("one"), await talk.user("two")
    team = await group(talk, one["id"], two["id"])

    rule = await ruled(talk, team["id"], pool=pool)
    given = [await seats_of(talk, user["id"]) for user in (one, two)]
    await put(talk, team["id"], two["id"])
    moved = [await seats_of(talk, user["id"]) for user in (one, two)]
    await workspace.world.change("removeGroupRule", workspace.owner, rule=rule)
    await work_off(workspace.world)

    assert given == [[(pool, "active", "group")], [(pool, "waitlisted", "group")]]
    assert moved == [[], [(pool, "active", "group")]]
    assert await seats_of(talk, two["id"]) == []
    assert await counted(workspace, pool) == (0, 0)


async def test_a_seat_that_is_restored_is_a_rules_only_where_one_gives_it(workspace: Scene) -> None:
    talk = await talking(workspace)
    ended, kept, other = [await workspace.pool(seats=2) for _ in range(3)]
    one, two = await talk.user("one"), await talk.user("two")
    here, there = await group(talk, one["id"]), await group(talk, two["id"])
    await ruled(talk, here["id"], pool=kept)
    await ruled(talk, there["id"], pool=ended)
    taken = "select id from assignment where pool_id = $1"
    seat = await workspace.world.value(taken, ids.decode("pool", kept))
    await workspace.reclaimed(ids.encode("seat", seat))
    await workspace.ended(ended)

    for sat_in, into in [(kept, kept), (ended, other)]:
        reply = await workspace.world.change(
            "restoreSeats", workspace.owner, shows_="... on SeatsRestored { restored }", satIn=sat_in, pool=into
        )
        assert reply.data["restoreSeats"] == {"restored": 1}
    restored = [await seats_of(talk, user["id"]) for user in (one, two)]
    await put(talk, here["id"])
    await put(talk, there["id"])

    assert restored == [[(kept, "active", "group")], [(other, "active", "manual")]]
    assert [await seats_of(talk, user["id"]) for user in (one, two)] == [[], [(other, "active", "manual")]]


async def test_the_lowest_number_speaks(workspace: Scene) -> None:
    talk = await talking(workspace)
    first, second = await workspace.pool(seats=5), await workspace.pool(seats=5)
    grace = await talk.user()
    some, others = await group(talk, grace["id"]), await group(talk, grace["id"])
    await ruled(talk, some["id"], role="AUDITOR", pool=first, priority=20)
    await ruled(talk, others["id"], role="BILLING_ADMIN", pool=second, priority=10)
    high = (await role_of(talk, grace["id"]), await seats_of(talk, grace["id"]))

    await ruled(talk, others["id"], role="BILLING_ADMIN", pool=second, priority=30)

    assert high == ("billing_admin", [(second, "active", "group")])
    assert (await role_of(talk, grace["id"]), await seats_of(talk, grace["id"])) == (
        "auditor",
        [(first, "active", "group")],
    )


@pytest.mark.parametrize("role", ["OWNER", "ADMIN"])
async def test_nobody_makes_a_rule_that_gives_more_than_they_may(role: str, workspace: Scene) -> None:
    talk = await talking(workspace)
    team = await group(talk)

    reply = await workspace.world.change(
        "setGroupRule", workspace.members[Role.ADMIN], group=team["id"], role=role, shows_="__typename"
    )

    assert reply.code == "FORBIDDEN"
    assert await workspace.world.value("select count(*) from group_rule where account_id = $1", workspace.number) == 0


@pytest.mark.parametrize(
    "told", [{}, {"role": "OWNER"}, {"role": "MEMBER", "priority": 1001}, {"role": "MEMBER", "priority": -1}]
)
async def test_what_is_no_rule_is_not_set(told: dict[str, Any], workspace: Scene) -> None:
    talk = await talking(workspace)
    team = await group(talk)

    reply = await workspace.world.change("setGroupRule", workspace.owner, group=team["id"], **told)

    assert reply.code == "INVALID_INPUT"
    assert await workspace.world.value("select count(*) from group_rule where account_id = $1", workspace.number) == 0


async def test_a_rule_falls_with_whoever_answers_for_it(workspace: Scene) -> None:
    talk = await talking(workspace)
    second = await workspace.join(Role.OWNER)
    grace, ada = await talk.user("grace"), await talk.user("ada")
    team = await group(talk, grace["id"])
    await workspace.world.change("setGroupRule", second, group=team["id"], role="ADMIN", shows_=SHOWN)
    await work_off(workspace.world)
    given = await role_of(talk, grace["id"])

    await workspace.world.change("changeRole", workspace.owner, member=workspace.member(second), role="ADMIN")
    await put(talk, team["id"], grace["id"], ada["id"])

    assert given == "admin"
    assert await role_of(talk, ada["id"]) == "member"


async def test_no_rule_touches_an_owner_or_whoever_stands_above_its_maker(workspace: Scene) -> None:
    talk = await talking(workspace)
    boss = await workspace.join(Role.OWNER, await workspace.world.person("boss", email=talk.address("boss")))
    chief = await workspace.join(Role.ADMIN, await workspace.world.person("chief", email=talk.address("chief")))
    owner, admin = await talk.user("boss"), await talk.user("chief")
    team = await group(talk, owner["id"], admin["id"])

    await ruled(talk, team["id"], Role.ADMIN, role="AUDITOR")

    assert [await role_of(talk, user["id"]) for user in (owner, admin)] == ["owner", "admin"]
    assert boss.number != chief.number


async def test_whoever_comes_back_gets_what_the_rules_say(workspace: Scene) -> None:
    talk = await talking(workspace)
    pool = await workspace.pool(seats=1)
    grace = await talk.user()
    team = await group(talk, grace["id"])
    await ruled(talk, team["id"], role="AUDITOR", pool=pool)
    await talk.patch(f"/Users/{grace['id']}", {"op": "replace", "path": "active", "value": False})
    await work_off(workspace.world)
    gone = await seats_of(talk, grace["id"])

    await talk.patch(f"/Users/{grace['id']}", {"op": "replace", "path": "active", "value": True})
    await work_off(workspace.world)

    assert gone == []
    assert await seats_of(talk, grace["id"]) == [(pool, "active", "group")]
    assert await role_of(talk, grace["id"]) == "auditor"


async def test_what_an_admin_gave_by_hand_stays(workspace: Scene) -> None:
    talk = await talking(workspace)
    pool = await workspace.pool(seats=2)
    grace = await talk.user()
    await workspace.world.change("assignSeat", workspace.owner, pool=pool, email=talk.address("grace"))
    team = await group(talk, grace["id"])
    await ruled(talk, team["id"], pool=pool)

    await put(talk, team["id"])

    assert await seats_of(talk, grace["id"]) == [(pool, "active", "manual")]


RULES = st.lists(
    st.builds(
        Rule,
        st.integers(1, 5),
        st.none() | st.sampled_from([Role.MEMBER, Role.AUDITOR]),
        st.none() | st.integers(1, 3),
        st.sampled_from(Role),
    ),
    max_size=8,
)


@given(RULES, st.sets(st.integers(1, 5)))
def test_the_first_rule_that_speaks_decides_and_no_other_group_matters(rules: list[Rule], groups: set[int]) -> None:
    role, seat = decide(rules, groups)

    mine = [rule for rule in rules if rule.group_id in groups]
    assert decide(mine, groups) == (role, seat)
    assert (role is None) == all(rule.role is None for rule in mine)
    assert (seat is None) == all(rule.pool_id is None for rule in mine)
    assert role is None or not any(rule.role for rule in mine[: mine.index(role)])
