"""Disputes and refunds as the rail tells of them: in any order, any number of times, one final state."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from gateway import verification
from kernel import ids
from tests.graph.test_webhook_door import post
from tests.paying import control, rail_of
from tests.returning import Paid, booked, paid, working
from tests.scenery import Scene

DAY = 86_400


async def told(scene: Scene, of: Paid) -> list[bytes]:
    """What the sandbox has to tell of a payment, oldest first."""
    charge = await scene.world.value("select charge from payment where id = $1", ids.decode("pay", of.payment))
    asked: Any = {"limit": 100}
    listed = await rail_of(scene.world).line.v1.events.list_async(asked)
    found = [event.to_dict() async for event in listed.auto_paging_iter()][::-1]
    return [json.dumps(event).encode() for event in found if charge in json.dumps(event)]


async def heard(scene: Scene, of: Paid, seed: int) -> None:
    events = [event for event in await told(scene, of) for _ in range(3)]
    random.Random(seed).shuffle(events)
    for event in events:
        assert (await post(scene.world, event))[0] == 200
    await working(scene)


async def broken(scene: Scene) -> list[str]:
    """What `seatgraph verify` finds wrong with the account."""
    report = await verification.report(scene.world.url)
    rows = [breach for check in report["checks"] for breach in check["broken"]]
    return [f"{row['row']}: {row['reason']}" for row in rows if f" {scene.number}/" in row["row"]]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_dispute_that_was_won_is_told_in_any_order(workspace: Scene, seed: int) -> None:
    of = await paid(workspace, token="pm_card_createDispute")
    await control(workspace.world, "clock", {"advance": 60})
    charge = await workspace.world.value("select charge from payment where id = $1", ids.decode("pay", of.payment))
    given: Any = {"charge": charge}
    (dispute,) = (await rail_of(workspace.world).line.v1.disputes.list_async(given)).data
    await rail_of(workspace.world).disputes.answer(
        dispute.id, {"uncategorized_text": "winning_evidence"}, submit=True, key=f"w{seed}"
    )
    await control(workspace.world, "clock", {"advance": DAY})

    await heard(workspace, of, seed)

    (row,) = await workspace.world.rows(
        "select state, outcome, withdrawn_minor, reinstated_minor from dispute where account_id = $1", workspace.number
    )
    assert tuple(row) == ("won", "won", 4_000, 4_000)
    moved = [entry for entry in await booked(workspace, of.invoice) if entry[0].startswith("dispute")]
    away = sum(
        amount if debit == "disputes" else -amount
        for _, debit, credit, amount in moved
        if "disputes" in {debit, credit}
    )
    assert away == 0
    assert ("dispute_fee", "fees", "cash", 1_500) in moved
    assert await broken(workspace) == []


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_refund_that_failed_is_told_in_any_order(workspace: Scene, seed: int) -> None:
    of = await paid(workspace, token="pm_card_refundFail")
    asked = {"payment": of.payment, "amount": {"minor": 1_000, "currency": "USD"}, "reason": "They asked."}
    shown = "... on Refund { state }"
    done = await workspace.world.change("refundPayment", of.finance, shows_=shown, reason_="R", **asked)
    await control(workspace.world, "clock", {"advance": 8 * DAY})

    await heard(workspace, of, seed)

    (row,) = await workspace.world.rows("select state, booked from refund where account_id = $1", workspace.number)
    assert done.data["refundPayment"] == {"state": "SUCCEEDED"}
    assert tuple(row) == ("failed", False)
    kinds = [kind for kind, *_ in await booked(workspace, of.invoice)]
    assert kinds.count("refund_paid") == kinds.count("refund_returned")
    assert await broken(workspace) == []
