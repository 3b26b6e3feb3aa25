"""Who a bearer named a moment ago is remembered, and what they may is not: the database says so for each request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auth.policy import Actor, ActorKind, KeyScope, Role
from gateway.authentication import Door
from gateway.quick.entrance import Entrance
from gateway.recalling import Recognized, Recollection, Subject
from kernel import ids
from tests.graph.deeds import refused
from tests.scenery import Asker, Reply, Scene, World

ME = "{ viewer { kind person { id email } } }"
NAMED = "query Named($id: ID!) { workspace(id: $id) { name } }"
OFTEN = 4
"""Requests after which a bearer and a document are known to both doors."""


class Process:
    """A process of its own, as far as its memory goes: another door to the same database."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.door: Door = replace(world.app.state.door, recollection=Recollection())

    @contextmanager
    def _here(self) -> Iterator[None]:
        entrance: Entrance = self.world.app.state.entrance
        before, lane = self.world.app.state.door, entrance.lane
        assert lane
        self.world.app.state.door, entrance.lane = self.door, replace(lane, door=self.door)
        try:
            yield
        finally:
            self.world.app.state.door, entrance.lane = before, lane

    async def ask(self, document: str, as_: Asker, **variables: object) -> Reply:
        with self._here():
            return await self.world.ask(document, as_, **variables)

    async def often(self, document: str, as_: Asker, **variables: object) -> Reply:
        """The last of so many answers, which came from the quick door."""
        entrance: Entrance = self.world.app.state.entrance
        for _ in range(OFTEN):
            before = entrance.answered
            reply = await self.ask(document, as_, **variables)
        assert entrance.answered == before + 1, "it was not answered by the quick door"
        return reply

    async def knows(self, bearer: str) -> bool:
        return self.door.recollection.get(bearer, await self.world.now()) is not None


@pytest.fixture
def here(world: World) -> Process:
    return Process(world)


@pytest.fixture
def there(world: World) -> Process:
    return Process(world)


async def test_a_session_ended_in_one_process_is_ended_in_all(here: Process, there: Process, world: World) -> None:
    person = await world.person()
    known = [(await each.often(ME, person)).data["viewer"]["person"]["id"] for each in (here, there)]
    session = "mutation($s: ID!) { endSession(input: {session: $s}) { __typename } }"

    ended = await here.ask(session, person, s=ids.encode("session", person.session_number))

    assert known == [person.id, person.id]
    assert ended.status == 200
    assert refused(await there.ask(ME, person))
    assert refused(await here.ask(ME, person))
    assert not await there.knows(person.bearer)


async def test_what_everybody_gets_alike_is_for_nobody_whose_session_ended(here: Process, world: World) -> None:
    person = await world.person()
    document = "query Sold { plans { key } }"
    first, again = await here.often(document, person), await here.often(document, person)

    await world.run("update session set ended_at = now() where person_id = $1", person.number)

    assert first.data == again.data
    assert refused(await here.ask(document, person))


async def test_a_role_taken_in_one_process_is_taken_in_all(here: Process, there: Process, workspace: Scene) -> None:
    member = workspace.members[Role.ADMIN]
    known = [(await each.often(NAMED, member, id=workspace.id)).data for each in (here, there)]
    removal = "mutation($m: ID!) { removeMember(input: {member: $m}) { __typename } }"

    await here.ask(removal, workspace.owner, m=workspace.member(member))

    assert known == [{"workspace": {"name": "Acme"}}] * 2
    assert [(await each.ask(NAMED, member, id=workspace.id)).data for each in (here, there)] == [
        {"workspace": None}
    ] * 2


@pytest.mark.parametrize(
    "change",
    [
        "update session set ended_at = now() where person_id = $1",
        "update session set expires_at = created_at where person_id = $1",
        "delete from session where person_id = $1",
        "update person set epoch = epoch + 1 where id = $1",
    ],
)
async def test_a_token_that_is_remembered_ends_with_what_it_stands_on(change: str, here: Process, world: World) -> None:
    person = await world.person()
    await here.often(ME, person)

    await world.run(change, person.number)

    assert refused(await here.ask(ME, person))


@pytest.mark.parametrize(
    "change",
    [
        "update member set state = 'removed', removed_at = now() where person_id = $1",
        "delete from member where person_id = $1",
        "update workspace set sso_enforced = true where id = (select account_id from member where person_id = $1)",
    ],
)
async def test_what_decides_that_somebody_sees_nothing_is_asked_each_time(
    change: str, here: Process, workspace: Scene
) -> None:
    member = workspace.members[Role.AUDITOR]
    before = await here.often(NAMED, member, id=workspace.id)

    await workspace.world.run(change, member.number)

    assert before.data == {"workspace": {"name": "Acme"}}
    assert (await here.ask(NAMED, member, id=workspace.id)).data == {"workspace": None}


async def test_an_admin_of_a_seat_group_who_is_dismissed_sees_it_no_more(here: Process, workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]
    group = await workspace.seat_group(await workspace.pool(3))
    document = "query Named($id: ID!) { node(id: $id) { ... on SeatGroup { name } } }"
    unseen = await here.often(document, member, id=group)
    await workspace.group_admin(group, member)
    seen = await here.often(document, member, id=group)
    remembered = await here.knows(member.bearer)

    await workspace.world.run("update group_admin set dismissed_at = now() where person_id = $1", member.number)

    assert (unseen.data, seen.data) == ({"node": None}, {"node": {"name": "Design"}})
    assert remembered
    assert (await here.ask(document, member, id=group)).data == {"node": None}


async def test_what_somebody_gains_they_have_at_once(here: Process, workspace: Scene) -> None:
    person = await workspace.world.person()
    before = await here.often(NAMED, person, id=workspace.id)

    await workspace.join(Role.MEMBER, person)

    assert before.data == {"workspace": None}
    assert (await here.ask(NAMED, person, id=workspace.id)).data == {"workspace": {"name": "Acme"}}


async def test_an_address_that_changed_is_told_at_once(here: Process, world: World) -> None:
    person = await world.person()
    await here.often(ME, person)

    await world.run("update person set email = 'new.' || email where id = $1", person.number)

    assert (await here.ask(ME, person)).data["viewer"]["person"]["email"] == f"new.{person.email}"


@pytest.mark.parametrize(
    "change",
    [
        "update service_key set revoked_at = now() where id = $1",
        "update service_key set expires_at = created_at + interval '1 second' where id = $1",
        "update service_key set hash = sha256('another') where id = $1",
        "delete from service_key where id = $1",
    ],
)
async def test_a_key_that_is_remembered_ends_at_once(change: str, here: Process, workspace: Scene) -> None:
    key = await workspace.key(KeyScope.SEATS_READ)
    before = await here.often(NAMED, key, id=workspace.id)

    await workspace.world.run(change, key.number)

    assert before.data == {"workspace": {"name": "Acme"}}
    assert refused(await here.ask(NAMED, key, id=workspace.id))


async def test_a_key_falls_with_its_maker(here: Process, workspace: Scene) -> None:
    maker = workspace.members[Role.ADMIN]
    key = await workspace.key(KeyScope.SEATS_READ, by=maker)
    before = await here.often(NAMED, key, id=workspace.id)

    await workspace.world.run(
        "update member set state = 'removed', removed_at = now() where person_id = $1", maker.number
    )

    assert before.data == {"workspace": {"name": "Acme"}}
    assert (await here.ask(NAMED, key, id=workspace.id)).data == {"workspace": None}


async def test_a_session_of_single_sign_on_is_remembered_for_a_minute(here: Process, workspace: Scene) -> None:
    world, member = workspace.world, workspace.members[Role.MEMBER]
    text = await workspace.came_through(await workspace.sso(), member)
    used = "select last_used_at from session where person_id = $1 and hash is not null"

    before = await here.often(NAMED, text, id=workspace.id)
    first = await world.value(used, member.number)
    await world.advance(timedelta(seconds=61))
    forgotten = not await here.knows(text)
    await here.ask(NAMED, text, id=workspace.id)

    assert before.data == {"workspace": {"name": "Acme"}}
    assert forgotten
    assert await world.value(used, member.number) > first


async def test_a_token_is_not_remembered_beyond_its_end(here: Process, world: World) -> None:
    person = await world.person()
    await here.often(ME, person)

    await world.advance(timedelta(hours=1))

    assert refused(await here.ask(ME, person))


async def test_keys_that_rotate_leave_nothing_remembered(here: Process, world: World) -> None:
    person = await world.person()
    await here.often(ME, person)

    here.door = replace(here.door, signer=None, recollection=Recollection())

    assert refused(await here.ask(ME, person))


async def test_the_least_recently_used_bearer_is_forgotten_first(here: Process, world: World) -> None:
    people = await world.people(["ada", "bob", "cyd"])
    here.door = replace(here.door, recollection=Recollection(most=2))

    for person in people:
        await here.often(ME, person)

    assert [await here.knows(person.bearer) for person in people] == [False, True, True]


def test_nobody_is_remembered_of_whom_the_database_told_nothing() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = Recognized(Actor(ActorKind.PERSON, 1), subject=Subject(1), until=now + timedelta(minutes=1))
    remembered, forgotten = Recollection(), Recollection()

    remembered.put("sgs_1", found, "(ada@acme.test)")
    forgotten.put("sgs_1", found, "")

    assert remembered.get("sgs_1", now) is not None
    assert forgotten.get("sgs_1", now) is None
