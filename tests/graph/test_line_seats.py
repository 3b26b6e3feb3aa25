"""Lines of invoices tell who sat in the seats they bill, to whoever may know it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Desk, KeyScope, Role
from kernel import ids
from tests.graph.asking import DAY
from tests.graph.test_changes import Life, pooled
from tests.scenery import Asker, Scene

SEATS = "paid neverTaken secondsTaken secondsEmpty times(first: 100) { totalCount nodes { email seconds until } }"
LINES = f"query($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ lineItems {{ quantity seats {{ {SEATS} }} }} }} }} }}"
PAGES = """
    query($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $orderBy: LineSeatsOrder) {
      node(id: $id) { ... on Invoice { lineItems { seats {
        times(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
          totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { email } edges { cursor }
        } } } } }
    }
"""
EXPLAINED = f"query($id: ID!) {{ explainInvoice(invoice: $id) {{ agrees lines {{ seats {{ {SEATS} }} }} }} }}"


async def invoices(life: Life) -> list[str]:
    """The invoices of a subscription, as clients know them."""
    rows = await life.world.rows("select id from invoice where account_id = $1 order by created_at, id", life.account)
    return [ids.encode("inv", row["id"]) for row in rows]


async def lived(workspace: Scene) -> Life:
    """Three seats, of which two are taken: one for ten days, one still, after fifteen."""
    life = await pooled(workspace, 3)
    await workspace.seat(life.pool, await workspace.join())
    left = await workspace.seat(life.pool, await workspace.join(), None)
    await life.later(timedelta(days=10))
    await life.world.run(
        "update assignment set state = 'released', released_at = $2 where id = $1",
        ids.decode("seat", left),
        await life.world.now(),
    )
    await life.world.run("update license_pool set assigned = 1 where account_id = $1", life.account)
    await life.later(timedelta(days=5))
    return life


async def seats_of(life: Life, who: Asker, *, reason: str | None = None) -> Any:
    """The seats of the only line of the first invoice."""
    (invoice,) = await invoices(life)
    reply = await life.world.ask(LINES, who, id=invoice, reason_=reason)
    return reply.data["node"] and reply.data["node"]["lineItems"][0]["seats"]


async def test_a_line_tells_who_sat_there_also_after_they_left(workspace: Scene) -> None:
    life = await lived(workspace)

    told = await seats_of(life, life.who)

    emails, spent = (
        [node["email"] for node in told["times"]["nodes"]],
        [round(node["seconds"] / DAY.total_seconds()) for node in told["times"]["nodes"]],
    )
    assert (told["paid"], told["neverTaken"], told["times"]["totalCount"]) == (3, 1, 2)
    assert all(email.endswith("@example.test") for email in emails)
    assert sorted(spent) == [10, 15]
    assert sorted(node["until"] is None for node in told["times"]["nodes"]) == [False, True]
    assert abs(told["secondsTaken"] + told["secondsEmpty"] - 3 * 15 * DAY.total_seconds()) < 60


@pytest.mark.parametrize(("role", "named"), [(Role.OWNER, True), (Role.AUDITOR, True), (Role.BILLING_ADMIN, False)])
async def test_who_sees_invoices_and_not_seats_sees_times_without_names(
    workspace: Scene, role: Role, *, named: bool
) -> None:
    life = await pooled(workspace, 2)
    await workspace.seat(life.pool, await workspace.join())
    await life.later(timedelta(hours=1))
    who = workspace.members[role]
    bearer = life.world.bearer(who.number, who.session_number, await life.world.now())

    told = await seats_of(life, bearer)

    (node,) = told["times"]["nodes"]
    assert node["seconds"] > 0
    assert (node["email"] is not None) is named


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SEAT_ADMIN, Role.MEMBER])
async def test_who_sees_no_invoices_sees_no_line(workspace: Scene, role: Role) -> None:
    life = await pooled(workspace, 2)

    assert await seats_of(life, workspace.members[role]) is None


async def test_staff_see_everything_and_another_workspace_nothing(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    await workspace.seat(life.pool, "ada@example.test")
    staff, stranger = await life.world.person("sam", desk=Desk.SUPPORT), await life.world.workspace()
    key = await workspace.key(KeyScope.BILLING_READ)

    assert (await seats_of(life, staff))["times"]["nodes"][0]["email"] == "ada@example.test"
    assert (await seats_of(life, key))["times"]["nodes"][0]["email"] is None
    assert await seats_of(life, stranger.owner) is None


async def test_seats_that_are_bought_later_are_taken_by_who_came_last(workspace: Scene) -> None:
    life = await pooled(workspace, 1)
    first = await workspace.join()
    await workspace.seat(life.pool, first)
    await life.later(DAY)
    await life.does("changeSeats", pool=life.pool, seats=3)
    second = await workspace.join()
    await workspace.seat(life.pool, second)
    await life.later(DAY)

    told = [
        (await life.world.ask(LINES, life.who, id=invoice)).data["node"]["lineItems"][0]["seats"]
        for invoice in await invoices(life)
    ]

    assert [[node["email"] for node in each["times"]["nodes"]] for each in told] == [[first.email], [second.email]]
    assert [(each["paid"], each["neverTaken"]) for each in told] == [(1, 0), (2, 1)]


async def test_pages_of_times_go_both_ways_and_refuse_what_is_no_cursor(workspace: Scene) -> None:
    life = await pooled(workspace, 5)
    for place in range(5):
        await workspace.seat(life.pool, f"ada{place}@example.test")
    (invoice,) = await invoices(life)

    async def page(**asked: Any) -> Any:
        return await life.world.ask(PAGES, life.who, id=invoice, **asked)

    def emails(reply: Any) -> list[str]:
        times = reply.data["node"]["lineItems"][0]["seats"]["times"]
        return [node["email"][3] for node in times["nodes"]]

    one = await page(first=2)
    info = one.data["node"]["lineItems"][0]["seats"]["times"]["pageInfo"]
    two = await page(first=2, after=info["endCursor"])
    back = await page(last=2)
    newest = {"field": "SINCE", "direction": "DESC"}
    down = await page(first=2, orderBy=newest)
    end = down.data["node"]["lineItems"][0]["seats"]["times"]["pageInfo"]["endCursor"]
    further = await page(first=2, after=end, orderBy=newest)

    assert (emails(one), emails(two), emails(back)) == (["0", "1"], ["2", "3"], ["3", "4"])
    assert (emails(down), emails(further)) == (["4", "3"], ["2", "1"])
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (True, False)
    assert (await page(first=101)).code == (await page(first=1, after="x")).code == "INVALID_INPUT"
    assert (await page(first=1, after=end)).code == "INVALID_INPUT"


async def test_an_explanation_tells_it_too(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    await workspace.seat(life.pool, "ada@example.test")
    (invoice,) = await invoices(life)

    told = await life.ask(EXPLAINED, id=invoice)

    assert told["agrees"]
    assert told["lines"][0]["seats"]["times"]["nodes"][0]["email"] == "ada@example.test"


async def test_ten_thousand_seats_are_told_in_a_few_statements(workspace: Scene) -> None:
    life = await pooled(workspace, 10_000)
    pool = ids.decode("pool", life.pool)
    first = await life.world.value("select nextval('id_block') from generate_series(1, 10) order by 1 limit 1")
    await life.world.run(
        "insert into assignment (account_id, id, pool_id, plan_id, email, person_key, state, source, since)"
        " select p.account_id, $2::bigint * 1024 + n, p.id, p.plan_id, 'p' || n || '@example.test',"
        " 'p' || n || '@example.test', 'invited', 'bulk', p.created_at"
        " from license_pool p, generate_series(1, 9000) n where p.id = $1",
        pool,
        first,
    )
    await life.world.run("update license_pool set assigned = 9000 where id = $1", pool)

    told = await seats_of(life, life.who)

    assert (told["paid"], told["neverTaken"], told["times"]["totalCount"]) == (10_000, 1_000, 9_000)
    assert len(told["times"]["nodes"]) == 100
