"""The rail's events at our door: believed, kept once, applied in any order."""

from __future__ import annotations

import asyncio
import hmac
import json
import random
import time
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from kernel import ids
from payments.webhooks import LARGEST
from tests.graph.asking import logged, work_off
from tests.graph.test_payment_methods import begun
from tests.graph.test_payments import checked, paid
from tests.paying import authenticate, card, control, customer, finish, invoice_state, owed, rail_of
from tests.scenery import WEBHOOK_SECRET, Scene, World


async def post(world: World, body: bytes, *, secret: str = WEBHOOK_SECRET, late: int = 0) -> tuple[int, Any]:
    seconds = int(time.time()) - late
    signature = hmac.new(secret.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()
    headers = {"stripe-signature": f"t={seconds},v1={signature}"}
    answer = await world.client.post("/webhooks/stripe", content=body, headers=headers)
    return answer.status_code, answer.json()


async def events(scene: Scene) -> list[bytes]:
    """What the sandbox has to tell of this account, oldest first."""
    asked: Any = {"limit": 100}
    listed = await rail_of(scene.world).line.v1.events.list_async(asked)
    owner = await customer(scene)
    told = [event.to_dict() async for event in listed.auto_paging_iter()][::-1]
    return [json.dumps(event).encode() for event in told if owner in json.dumps(event)]


async def outcomes(scene: Scene, body: bytes) -> tuple[str | None, int]:
    (row,) = await scene.world.rows("select outcome, tries from rail_event where id = $1", json.loads(body)["id"])
    return row["outcome"], row["tries"]


def an_event(**changed: Any) -> bytes:
    event = {
        "id": f"evt_{random.getrandbits(64):x}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "api_version": "2026-10-28.endive",
        "livemode": False,
        "data": {"object": {"id": "pi_foreign", "object": "payment_intent", "metadata": {"gw_account": "cus_1"}}},
    }
    return json.dumps(event | changed).encode()


async def test_a_payment_is_finished_by_what_the_rail_tells(workspace: Scene) -> None:
    await card(workspace, "pm_card_authenticationRequired")
    invoice = await owed(workspace)
    payment = await paid(workspace, invoice)
    await authenticate(workspace, payment["id"])

    answers = [await post(workspace.world, event) for event in await events(workspace)]
    await work_off(workspace.world, charging=True)

    assert {status for status, _ in answers} == {200}
    assert await invoice_state(workspace, invoice) == ("paid", 4000)


async def test_every_event_five_times_at_once_in_any_order_comes_to_the_same(workspace: Scene) -> None:
    await card(workspace, "pm_card_authenticationRequired")
    invoice = await owed(workspace)
    payment = await paid(workspace, invoice)
    await authenticate(workspace, payment["id"])
    told = [event for event in await events(workspace) for _ in range(5)]
    random.Random(7).shuffle(told)

    answers = await asyncio.gather(*(post(workspace.world, event) for event in told))
    await work_off(workspace.world, charging=True)

    assert {status for status, _ in answers} == {200}
    assert sum(answer["new"] for _, answer in answers) == len(told) // 5
    assert await invoice_state(workspace, invoice) == ("paid", 4000)
    assert (await logged(workspace)).count("payment.succeeded") == 1


async def test_a_debit_succeeds_days_later(workspace: Scene) -> None:
    await workspace.world.run("update account set country = 'DE', currency = 'EUR' where id = $1", workspace.number)
    setup = await begun(workspace, kinds=["SEPA_DEBIT"])
    rail, number = rail_of(workspace.world), ids.decode("setup", setup["id"])
    intent = await workspace.world.value("select rail_id from payment_setup where id = $1", number)
    given: Any = {
        "payment_method": "pm_success_de",
        "mandate_data": {"customer_acceptance": {"type": "offline"}},
    }
    await rail.line.v1.setup_intents.confirm_async(intent, given)
    await workspace.world.change("checkPaymentMethodSetup", workspace.owner, setup=setup["id"])
    invoice = await owed(workspace)
    await workspace.world.run("update invoice set currency = 'EUR' where id = $1", ids.decode("inv", invoice))

    payment = await paid(workspace, invoice)
    again = await paid(workspace, invoice)
    await control(workspace.world, "clock", {"advance": 6 * 86_400})
    for event in await events(workspace):
        await post(workspace.world, event)
    await work_off(workspace.world, charging=True)

    assert (payment["state"], again["__typename"]) == ("PROCESSING", "PaymentUnderWay")
    assert await invoice_state(workspace, invoice) == ("paid", 4000)


async def test_a_setup_whose_page_was_closed_is_saved_all_the_same(workspace: Scene) -> None:
    setup = await begun(workspace)
    await finish(workspace, setup["id"])

    for event in await events(workspace):
        await post(workspace.world, event)
    await work_off(workspace.world, charging=True)

    assert await logged(workspace) == ["setup.started", "payment_method.added", "setup.succeeded"]


async def test_a_method_that_is_let_go_at_the_rail_is_gone_here(workspace: Scene) -> None:
    mine = ids.decode("pm", await card(workspace))
    known = await workspace.world.value("select rail_id from payment_method where id = $1", mine)
    await rail_of(workspace.world).methods.detach(known, key=f"gone-{mine}", urgent=True)
    event = an_event(type="payment_method.detached", data={"object": {"id": known, "object": "payment_method"}})

    await post(workspace.world, event)
    await work_off(workspace.world, charging=True)

    assert await workspace.world.value("select detached_at is not null from payment_method where id = $1", mine)


async def test_an_event_of_another_account_is_kept_and_changes_nothing(workspace: Scene) -> None:
    event = an_event()

    status, answer = await post(workspace.world, event)
    await work_off(workspace.world, charging=True)

    assert (status, answer) == (200, {"received": True, "new": True})
    assert await outcomes(workspace, event) == ("it is not ours", 0)


async def test_an_event_of_another_version_makes_us_look_instead(workspace: Scene) -> None:
    await card(workspace, "pm_card_authenticationRequired")
    payment = await paid(workspace, await owed(workspace))
    await authenticate(workspace, payment["id"])
    number = ids.decode("pay", payment["id"])
    intent = await workspace.world.value("select rail_id from payment where id = $1", number)
    event = an_event(api_version="2020-08-27", data={"object": {"id": intent, "amount": {"strange": True}}})

    await post(workspace.world, event)
    await work_off(workspace.world, later=timedelta(seconds=1), charging=True)

    assert await outcomes(workspace, event) == ("looked at, for it is of another version of the API", 0)
    assert (await checked(workspace, payment["id"]))["state"] == "SUCCEEDED"


async def test_an_event_that_is_ahead_of_our_own_commit_is_tried_again(workspace: Scene) -> None:
    marks = {
        "gw_installation": rail_of(workspace.world).installation,
        "gw_account": workspace.account,
        "gw_payment": "pay_0000000000000",
    }
    event = an_event(data={"object": {"id": "pi_early", "metadata": marks}})

    await post(workspace.world, event)
    await work_off(workspace.world, charging=True)

    assert await outcomes(workspace, event) == (None, 1)


@pytest.mark.parametrize("body", [b"null", b"[]", b"5", b"{}", b"\xff", b"{", b""])
async def test_garbage_that_is_correctly_signed_is_refused(world: World, body: bytes) -> None:
    status, answer = await post(world, body)

    assert status == 400
    assert answer["error"]


async def test_what_is_signed_otherwise_or_long_ago_is_refused(world: World) -> None:
    event = an_event()

    assert (await post(world, event, secret="whsec_wrong"))[0] == 400
    assert (await post(world, event, late=301))[0] == 400
    assert (await post(world, event, late=-301))[0] == 400
    assert (await world.client.post("/webhooks/stripe", content=event)).status_code == 400
    assert await world.value("select count(*) from rail_event where id = $1", json.loads(event)["id"]) == 0


async def test_the_secret_before_a_rotation_is_believed(world: World) -> None:
    assert (await post(world, an_event(), secret="whsec_of_yesterday"))[0] == 200


async def test_an_event_beyond_measure_is_refused(world: World) -> None:
    assert (await post(world, b" " * (LARGEST + 1)))[0] == 413


async def test_a_thin_event_is_kept_and_says_so(workspace: Scene) -> None:
    thin = json.dumps(
        {
            "id": f"evt_thin_{random.getrandbits(64):x}",
            "object": "v2.core.event",
            "type": "v1.a.b",
            "created": "2026-11-01T12:00:00Z",
            "livemode": False,
        }
    ).encode()

    assert (await post(workspace.world, thin))[0] == 200
    assert await outcomes(workspace, thin) == ("thin events are not read", 0)
