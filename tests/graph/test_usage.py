"""Reporting usage, by the graph and by its own door."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from auth.policy import KeyScope, Role
from kernel import ids
from tests.graph.asking import work_off
from tests.graph.crowd import evidence
from tests.scenery import Asker, Scene

SHOWN = "recorded duplicates refused results { place key outcome message }"


async def _event(scene: Scene, key: str = "a", **said: Any) -> dict[str, Any]:
    at = (await scene.world.now()) - timedelta(seconds=1)
    return {"meter": "searches", "key": key, "at": at.isoformat()} | said


async def _post(scene: Scene, body: Any, who: Asker, media: str = "application/json") -> httpx2.Response:
    headers = {"content-type": media}
    if who is not None:
        headers["authorization"] = f"Bearer {who if isinstance(who, str) else who.bearer}"
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return await scene.world.client.post("/usage", content=content, headers=headers)


async def _started(scene: Scene) -> None:
    hour_ago = (await scene.world.now()) - timedelta(hours=1)
    await scene.subscription(since=hour_ago)


async def test_a_batch_tells_of_each_event_what_became_of_it(workspace: Scene) -> None:
    await _started(workspace)
    good = await _event(workspace, quantity="0.1")
    events = [good, good, good | {"key": "b", "quantity": "NaN"}, good | {"key": "c", "meter": "miles"}]

    reply = await workspace.world.change(
        "recordUsage", workspace.owner, shows_=SHOWN, account=workspace.account, events=events
    )

    told = reply.data["recordUsage"]
    assert (told["recorded"], told["duplicates"], told["refused"]) == (1, 1, 2)
    assert [(one["place"], one["outcome"]) for one in told["results"]] == [
        *((0, "RECORDED"), (1, "DUPLICATE"), (2, "REFUSED"), (3, "REFUSED")),
    ]
    assert told["results"][3]["message"] == 'This account has no meter "miles". Meters it has: searches.'


async def test_a_program_reports_lines_arrays_and_cloud_events(workspace: Scene) -> None:
    await _started(workspace)
    key = await workspace.key(KeyScope.USAGE_WRITE)
    one, two = await _event(workspace), await _event(workspace, "b", quantity=0.2, model="small")
    cloud = {"specversion": "1.0", "type": "searches", "source": "test", "id": "c", "time": one["at"]}

    lines = await _post(workspace, f"{json.dumps(one)}\n{json.dumps(two)}\n", key, "application/x-ndjson")
    array = await _post(workspace, [one, cloud | {"data": {"quantity": "0.1", "model": "large"}}], key)
    alone = await _post(workspace, one, key)

    assert lines.json() == {"recorded": 2, "duplicates": 0, "refused": 0, "results": []}
    assert (array.status_code, array.json()["recorded"], array.json()["duplicates"]) == (200, 1, 1)
    assert alone.json()["results"][0]["outcome"] == "duplicate"
    rows = await workspace.world.rows(
        "select quantity::text, properties ->> 'model' as model from usage_event where account_id = $1 order by key",
        workspace.number,
    )
    assert [tuple(row) for row in rows] == [("1", None), ("0.2", "small"), ("0.1", "large")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ('[{"quantity": NaN}]', 400),
        ('[{"quantity": Infinity}]', 400),
        ("[" * 100_000, 400),
        ("7", 400),
        ('{"events": 7}', 400),
        ("[]", 400),
        ('{"events": [{}], "account": 7}', 400),
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(workspace: Scene, body: str, status: int) -> None:
    key = await workspace.key(KeyScope.USAGE_WRITE)

    response = await _post(workspace, body, key)

    assert response.status_code == status
    assert response.json()["error"]


@pytest.mark.parametrize("quantity", ["1e400", "-1", "0.1234567891", "1e-400", "true", '"1e400"', "null"])
async def test_a_quantity_that_cant_be_is_refused_in_a_sentence(workspace: Scene, quantity: str) -> None:
    await _started(workspace)
    key = await workspace.key(KeyScope.USAGE_WRITE)
    event = json.dumps(await _event(workspace))[:-1]

    response = await _post(workspace, f'[{event}, "quantity": {quantity}}}]', key)

    assert response.status_code == 422
    assert response.json()["results"][0]["message"].endswith((".", "it."))
    assert await workspace.world.value("select count(*) from usage_event where account_id = $1", workspace.number) == 0


@pytest.mark.parametrize("event", [7, {}, {"key": 1}, {"key": "a", "meter": "searches", "at": "yesterday"}, None])
async def test_what_is_no_event_is_refused_among_others(workspace: Scene, event: Any) -> None:
    await _started(workspace)
    key = await workspace.key(KeyScope.USAGE_WRITE)

    response = await _post(workspace, [event, await _event(workspace)], key)

    assert (response.json()["recorded"], response.json()["refused"]) == (1, 1)


async def test_only_who_may_report_does(workspace: Scene) -> None:
    await _started(workspace)
    event = await _event(workspace)
    elsewhere = await workspace.world.workspace(roles=[Role.OWNER])
    reads, writes = await workspace.key(KeyScope.BILLING_READ), await workspace.key(KeyScope.USAGE_WRITE)
    before = await evidence(workspace)

    told = {
        "nobody": await _post(workspace, [event], None),
        "a key to read": await _post(workspace, [event], reads),
        "a stranger": await _post(workspace, {"account": workspace.account, "events": [event]}, elsewhere.owner),
        "a person who doesn't say for whom": await _post(workspace, [event], workspace.owner),
        "a form": await _post(workspace, "a=b", writes, "text/plain"),
    }

    assert [response.status_code for response in told.values()] == [401, 403, 404, 400, 415]
    assert await evidence(workspace) == before


async def test_nobody_reports_for_a_subscription_of_another_account(workspace: Scene) -> None:
    elsewhere = await workspace.world.workspace(roles=[Role.OWNER])
    theirs = await elsewhere.subscription(since=(await workspace.world.now()) - timedelta(hours=1))
    await _started(workspace)
    event = await _event(workspace, subscription=ids.encode("sub", theirs.id))

    response = await _post(workspace, [event], await workspace.key(KeyScope.USAGE_WRITE))

    assert response.json()["refused"] == 1
    assert await workspace.world.value("select count(*) from usage_event where account_id = $1", elsewhere.number) == 0


USED = (
    "query($id: ID!) { node(id: $id) { ... on Subscription { usage { meter quantity events included limit percent"
    " cost { minor } formula days { day quantity events } } } } }"
)
LISTED = (
    "query($account: ID!, $since: Instant!, $until: Instant!, $after: String) { usageEvents(account: $account,"
    ' meter: "searches", since: $since, until: $until, first: 2, after: $after)'
    " { nodes { key quantity voids properties } endCursor } }"
)


async def test_what_runs_up_is_shown_with_its_cost_day_by_day(workspace: Scene) -> None:
    await _started(workspace)
    subscription = await workspace.world.value("select id from subscription where account_id = $1", workspace.number)
    events = [await _event(workspace, key, quantity=quantity) for key, quantity in (("a", "0.1"), ("b", "2.4"))]
    await workspace.world.change("recordUsage", workspace.owner, account=workspace.account, events=events)

    reply = await workspace.world.ask(USED, workspace.owner, id=ids.encode("sub", subscription))

    (used,) = reply.data["node"]["usage"]
    days = used.pop("days")
    assert used == {
        "meter": "searches",
        "quantity": "2.5",
        "events": 2,
        "included": "0",
        "limit": None,
        "percent": None,
        "cost": {"minor": 125},
        "formula": "2.5 \N{MULTIPLICATION SIGN} 0.50",
    }
    assert [sum(day["events"] for day in days), days[-1]["quantity"]] == [2, "2.5"]


async def test_support_reads_events_a_page_at_a_time(workspace: Scene) -> None:
    await _started(workspace)
    events = [await _event(workspace, key, properties={"model": key}) for key in "abc"]
    await workspace.world.change("recordUsage", workspace.owner, account=workspace.account, events=events)
    now = await workspace.world.now()
    asked = {
        "account": workspace.account,
        "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
    }

    first = (await workspace.world.ask(LISTED, workspace.owner, **asked)).data["usageEvents"]
    rest = (await workspace.world.ask(LISTED, workspace.owner, **asked, after=first["endCursor"])).data["usageEvents"]
    others = await workspace.world.ask(LISTED, workspace.members[Role.MEMBER], **asked)

    assert [node["key"] for node in (*first["nodes"], *rest["nodes"])] == ["a", "b", "c"]
    assert first["nodes"][0]["properties"] == {"model": "a"}
    assert rest["endCursor"] is None
    assert others.codes == ["FORBIDDEN"]


async def test_a_limit_that_is_reached_is_told_once(workspace: Scene) -> None:
    world = workspace.world
    version = world.catalog.metered.version_number
    await world.run(
        "insert into entitlement (id, plan_version_id, feature, kind, amount) values ($1, $2, 'searches', 'limit', 10)",
        world.number(),
        version,
    )
    await _started(workspace)
    told = "select after ->> 'percent' from audit_record where account_id = $1 and action = 'usage_threshold.reached'"

    seen = []
    for key, quantity in (("a", "7"), ("b", "1"), ("c", "1"), ("d", "5")):
        event = await _event(workspace, key, quantity=quantity)
        await world.change("recordUsage", workspace.owner, account=workspace.account, events=[event])
        await work_off(world)
        seen.append([row[0] for row in await world.rows(f"{told} order by seq", workspace.number)])
    await world.run("delete from entitlement where plan_version_id = $1 and feature = 'searches'", version)

    assert seen == [[], ["80"], ["80"], ["80", "100"]]
