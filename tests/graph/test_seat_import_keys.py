"""Keys of long lists: one that is sent again is the one that is here, and its key serves nothing else."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from auth.policy import KeyScope, Role
from gateway import cards
from tests.graph.asking import logged
from tests.graph.crowd import evidence
from tests.graph.test_seat_imports import counts, people, said, sent, told
from tests.scenery import Asker, Scene


async def keyed(scene: Scene, sheet: str, key: Any = "once", as_: Asker = None, **query: Any) -> httpx2.Response:
    """The answer of the door to a list with a key."""
    return await sent(scene, sheet, as_ or scene.owner, headers={"idempotency-key": key}, **query)


def shown(answer: httpx2.Response) -> dict[str, Any]:
    """The list that the door tells of."""
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["seatImport"])


def code(answer: httpx2.Response) -> tuple[int, str]:
    """The status of a refusal, and its code."""
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_the_same_list_with_the_same_key_is_the_one_that_is_here(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    first = await keyed(workspace, people(3), pool=pool)
    before = await evidence(workspace)

    again = [await keyed(workspace, people(3), pool=pool) for _ in range(2)]

    assert shown(first)["outcomes"] == {"INVITED": 2, "NO_SEAT_LEFT": 1}
    assert [shown(answer) for answer in again] == [shown(first)] * 2
    assert await evidence(workspace) == before
    assert await logged(workspace) == ["seat_import.brought"]


async def test_a_list_that_was_started_is_shown_as_it_is_now_and_waits_not_twice(workspace: Scene) -> None:
    await workspace.pool(5)
    number = shown(await keyed(workspace, people(2)))["id"]
    await said(workspace, "startSeatImport", number)

    again = shown(await keyed(workspace, people(2)))

    assert (again["id"], again["state"]) == (number, "RUNNING")
    await said(workspace, "stopSeatImport", number)


@pytest.mark.parametrize("what", ["bytes", "whole", "pool", "mark"])
async def test_another_list_with_the_same_key_is_refused_and_nothing_is_kept(workspace: Scene, what: str) -> None:
    pool = await workspace.pool(5)
    await keyed(workspace, people(2))
    before = await evidence(workspace)

    refused = {
        "bytes": lambda: keyed(workspace, people(3)),
        "whole": lambda: keyed(workspace, people(2), whole="true"),
        "pool": lambda: keyed(workspace, people(2), pool=pool),
        "mark": lambda: keyed(workspace, "\ufeff" + people(2)),
    }
    answer = await refused[what]()

    assert code(answer) == (409, "CONFLICT")
    assert answer.json()["errors"][0]["message"].endswith("Use a new key for a new request.")
    assert await evidence(workspace) == before


async def test_one_key_serves_a_list_or_a_mutation(workspace: Scene) -> None:
    pool = await workspace.pool(5)
    seating = {"pool": pool, "email": "ada@example.test"}
    await workspace.world.change("assignSeat", workspace.owner, **seating, idempotencyKey="seat")
    await keyed(workspace, people(1), "list")
    before = await evidence(workspace)

    listed = await keyed(workspace, people(1), "seat")
    seated = await workspace.world.change("assignSeat", workspace.owner, **seating, idempotencyKey="list")

    assert (code(listed), seated.code) == ((409, "CONFLICT"), "CONFLICT")
    assert await evidence(workspace) == before


async def test_a_list_that_was_refused_does_not_use_up_its_key(workspace: Scene) -> None:
    await workspace.pool(5)

    refused = await keyed(workspace, "name\nAda")
    taken = await keyed(workspace, people(1))

    assert refused.status_code == 400
    assert shown(taken)["outcomes"] == {"INVITED": 1}


async def test_everybody_who_brings_lists_has_keys_of_their_own(workspace: Scene) -> None:
    await workspace.pool(5)
    key = await workspace.key(KeyScope.SEATS_WRITE)

    numbers = {
        shown(await keyed(workspace, people(1), as_=who))["id"]
        for who in (workspace.owner, workspace.members[Role.SEAT_ADMIN], key)
    }

    assert len(numbers) == 3


async def test_a_list_without_a_key_is_another_one_each_time(workspace: Scene) -> None:
    await workspace.pool(5)

    numbers = {shown(await sent(workspace, people(1), workspace.owner))["id"] for _ in range(2)}

    assert len(numbers) == 2


@pytest.mark.parametrize("key", [b"", b"a" * 201, "\u202eabc".encode(), b"\x7f"])
async def test_nonsense_is_no_key_of_a_list(workspace: Scene, key: bytes) -> None:
    await workspace.pool(5)
    before = await evidence(workspace)

    answer = await keyed(workspace, people(1), key)

    assert code(answer) == (400, "INVALID_INPUT")
    assert await evidence(workspace) == before


async def test_a_card_number_is_no_key_of_a_list(workspace: Scene) -> None:
    await workspace.pool(5)
    before = await evidence(workspace)

    answer = await keyed(workspace, people(1), "4242 4242 4242 4242")

    assert answer.json()["errors"][0]["message"] == cards.SAYS
    assert await evidence(workspace) == before


async def test_what_is_no_utf_8_is_a_key_like_any_other(workspace: Scene) -> None:
    await workspace.pool(5)
    keys = ["Schlüssel".encode(), "Schlüssel".encode("latin-1"), b"Schl\\xfcssel two"]

    lists = [[shown(await keyed(workspace, people(1), key))["id"] for _ in range(2)] for key in keys]

    assert [len(set(each)) for each in lists] == [1, 1, 1]
    assert len({each[0] for each in lists}) == 3
    assert counts(await told(workspace, lists[0][0])) == {"INVITED": 1}
