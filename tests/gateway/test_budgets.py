"""Budgets: spent at once in one process, settled with the others, refused with what is left and when to come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from gateway.budgets import Budgets, Overspent, Purse, shared
from kernel import database
from kernel.errors import TooComplex
from tests.gateway.test_cost import SEATS
from tests.scenery import Reply, World

PURSE = Purse(most=1_000_000, restored=1)
"""What comes back in the time of a test is nothing beside it."""


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    made = await database.pool(database_url, size=2)
    yield made
    await made.close()


@pytest.fixture
def somebody() -> str:
    """A name that nobody has spent by."""
    return f"person:{uuid4()}"


class Settled:
    """Settles as the database does, with nobody else, and counts how often."""

    def __init__(self) -> None:
        self.times = 0
        self.left: dict[str, int] = {}

    async def __call__(self, spent: object, purse: Purse) -> dict[str, int]:
        self.times += 1
        for name, points in spent:  # type: ignore[attr-defined]
            self.left[name] = self.left.get(name, purse.most) - points
        return self.left


class Watch:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


async def test_small_requests_wait_for_nobody() -> None:
    settled = Settled()
    budgets = Budgets(Purse(most=1_000, restored=10), settled, Watch())

    for _ in range(100):
        await budgets.take("ada", 1)

    assert settled.times == 0


async def test_a_tenth_of_a_budget_is_settled_before_more_is_spent() -> None:
    settled = Settled()
    budgets = Budgets(Purse(most=1_000, restored=10), settled, Watch())

    for _ in range(101):
        bill = await budgets.take("ada", 1)

    assert settled.times == 1
    assert settled.left == {"ada": 900}
    assert bill.left == 899


async def test_what_was_asked_for_and_not_used_comes_back() -> None:
    budgets = Budgets(Purse(most=1_000, restored=10), Settled(), Watch())

    bill = await budgets.take("ada", 50)
    bill.settle(7)

    assert bill.shown() == {
        "requestedQueryCost": 50,
        "actualQueryCost": 7,
        "throttleStatus": {"maximumAvailable": 1_000, "currentlyAvailable": 993, "restoreRate": 10},
    }
    assert (await budgets.take("ada", 1)).left == 992


async def test_an_empty_budget_says_what_is_left_and_when_to_come_back() -> None:
    watch = Watch()
    budgets = Budgets(Purse(most=1_000, restored=10), Settled(), watch)
    await budgets.take("ada", 995)

    with pytest.raises(Overspent) as refusal:
        await budgets.take("ada", 30)
    watch.at += refusal.value.details["seconds"]
    again = await budgets.take("ada", 30)

    assert refusal.value.message == "This request costs 30 points and 5 are left. Try again in 3 seconds."
    assert refusal.value.bill.shown()["throttleStatus"]["currentlyAvailable"] == 5
    assert again.left == 5


async def test_a_budget_is_never_fuller_than_full() -> None:
    watch = Watch()
    budgets = Budgets(Purse(most=1_000, restored=10), Settled(), watch)
    await budgets.take("ada", 1)

    watch.at += 10**6

    assert (await budgets.take("ada", 1)).left <= 999


async def test_everybody_has_a_budget_of_their_own() -> None:
    budgets = Budgets(Purse(most=1_000, restored=10), Settled(), Watch())
    await budgets.take("ada", 1_000)

    assert (await budgets.take("grace", 1_000)).left == 0


async def test_two_processes_share_a_budget(connections: asyncpg.Pool, somebody: str) -> None:
    one, two = (Budgets(PURSE, shared(connections)) for _ in range(2))
    for _ in range(5):
        await one.take(somebody, 100_000)
        await two.take(somebody, 90_000)
    for budgets in (one, two, one):
        await budgets.settle([somebody])

    for budgets in (one, two):
        with pytest.raises(Overspent):
            await budgets.take(somebody, 100_000)
    assert 49_000 <= (await one.take(somebody, 1)).left < 60_000


async def test_nobody_spends_more_than_a_tenth_beyond_for_each_process(
    connections: asyncpg.Pool, somebody: str
) -> None:
    processes = [Budgets(PURSE, shared(connections)) for _ in range(4)]
    spent = 0

    for _ in range(50):
        for budgets in processes:
            try:
                await budgets.take(somebody, 20_000)
            except Overspent:
                continue
            spent += 20_000

    assert PURSE.most <= spent <= PURSE.most * 14 // 10


async def test_what_a_process_has_not_settled_is_settled_at_its_end(connections: asyncpg.Pool, somebody: str) -> None:
    first = Budgets(PURSE, shared(connections))
    await first.take(somebody, 60_000)
    await first.close()

    second = Budgets(PURSE, shared(connections))
    await second.settle([])
    await second.take(somebody, 1)
    await second.settle([somebody])

    assert 939_000 < (await second.take(somebody, 1)).left < 940_100


# Through the door


async def test_every_answer_tells_what_it_cost(world: World) -> None:
    ada = await world.person()

    response = await world.post(
        {"query": "{ viewer { person { name } memberships(first: 5) { nodes { role } } } }"}, ada
    )

    cost = response.json()["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (8, 3)
    assert cost["throttleStatus"]["maximumAvailable"] == 1_000_000_000
    assert cost["throttleStatus"]["restoreRate"] == 1_000
    assert cost["throttleStatus"]["currentlyAvailable"] == 999_999_997


async def test_what_is_public_tells_a_stranger_no_cost(world: World) -> None:
    free = await world.post({"query": "{ plans { key } }"})
    paid = await world.post({"query": "{ viewer { kind } }"})
    mine = await world.post({"query": "{ plans { key } }"}, await world.person())

    assert "extensions" not in free.json()
    assert paid.json()["extensions"]["cost"]["requestedQueryCost"] == 1
    assert mine.json()["extensions"]["cost"]["requestedQueryCost"] == 6


async def test_whoever_has_spent_everything_is_told_when_to_come_back(world: World) -> None:
    ada = await world.person()
    await broke(world, f"person:{ada.number}")

    response = await world.post({"query": "{ viewer { person { name } } }"}, ada)
    other = await world.ask("{ viewer { person { name } } }", await world.person())

    reply = Reply(response.status_code, response.json())
    assert (reply.status, reply.codes) == (429, ["RATE_LIMITED"])
    assert int(response.headers["retry-after"]) == reply.json["errors"][0]["extensions"]["details"]["seconds"] > 0
    assert reply.json["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 0
    assert other.data


async def test_nothing_is_changed_by_whoever_has_spent_everything(world: World) -> None:
    ada = await world.person()
    account = ada.account
    await broke(world, f"person:{ada.number}")

    reply = await world.change("updateBillingSettings", ada, account=account, country="DE")

    assert reply.code == "RATE_LIMITED"
    assert await world.value("select country from account where id = $1", ada.account_number) != "DE"


async def test_an_operation_that_costs_too_much_is_refused_before_anybody_is_asked(world: World) -> None:
    source = "{ accounts(first: 100) { nodes { invoices(first: 100) { nodes { number } } } } }"

    reply = await world.ask(source)

    assert (reply.status, reply.code) == (422, TooComplex.code)
    assert reply.json["errors"][0]["extensions"]["details"] == {"limit": "cost", "most": 10_000}


@pytest.mark.parametrize("count", [-1, 0, 101, 10**9])
async def test_a_page_of_no_size_is_refused_and_costs_no_more_than_a_page(world: World, count: int) -> None:
    ada = await world.person()

    variables = {"workspace": "workspace_0000000000000", "count": count}
    response = await world.post({"query": SEATS, "variables": variables}, ada)

    assert response.json()["extensions"]["cost"]["requestedQueryCost"] <= 202


async def broke(world: World, name: str) -> None:
    """Let somebody have spent everything, and this process know it."""
    budgets = world.app.state.budgets
    await budgets.take(name, 1)
    await budgets.settle([name])
    await world.run("update budget set thousandths = -1000000 * 1000::bigint where name = $1", name)
    await budgets.settle([name])
