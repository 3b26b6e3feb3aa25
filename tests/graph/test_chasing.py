"""What our own staff decide about unpaid invoices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from auth.policy import Desk
from tests.graph.asking import DAY, work_off
from tests.graph.test_dunning import EMPTY, STOLEN, days, due, row_of
from tests.paying import card, charges, invoice_state
from tests.scene import Somebody
from tests.scenery import Scene

SEEN = "dunning { state steps { at what } nextAttemptAt pausedUntil pauseReason }"
SHOWN = f"__typename ... on Problem {{ message }} ... on Invoice {{ {SEEN} }}"
PAYMENT = "__typename ... on Problem { message } ... on Payment { state }"
NODE = f"query($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ {SEEN} }} }} }}"


async def support(scene: Scene) -> Somebody:
    return await scene.world.person("support", desk=Desk.SUPPORT)


async def decided(scene: Scene, name: str, shows: str = SHOWN, **input_: Any) -> Any:
    """What Support has decided."""
    reply = await scene.world.change(name, await support(scene), shows_=shows, reason_="They called.", **input_)
    assert reply.codes == []
    return reply.data[name]


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def test_support_charges_an_unpaid_invoice_at_once(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    invoice = await due(workspace)
    await card(workspace)

    answer = await decided(workspace, "retryPayment", PAYMENT, invoice=invoice)
    await work_off(workspace.world, charging=True)

    assert answer == {"__typename": "Payment", "state": "SUCCEEDED"}
    assert await invoice_state(workspace, invoice) == ("paid", 4000)
    assert (await row_of(workspace, invoice))["state"] == "settled"


async def test_what_a_bank_declined_for_good_is_not_charged_by_hand(workspace: Scene) -> None:
    await card(workspace, STOLEN)
    invoice = await due(workspace)

    answer = await decided(workspace, "retryPayment", PAYMENT, invoice=invoice)

    assert answer["__typename"] == "PaymentMethodUnusable"
    assert len(await charges(workspace)) == 1


async def test_nobody_charges_a_card_more_often_than_its_network_allows(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    invoice = await due(workspace)
    tried = "insert into payment_attempt (account_id, id, payment_id, number, payment_method_id, state, outcome,"
    copied = " fingerprint, brand, created_at, sent_at, answered_at, decline_reason)"
    for number in range(2, 21):
        await workspace.world.run(
            f"{tried}{copied} select account_id, $2, payment_id, $3, payment_method_id, state, outcome, fingerprint,"
            " brand, created_at, sent_at, answered_at, decline_reason from payment_attempt"
            " where account_id = $1 and number = 1",
            workspace.number,
            workspace.world.number(),
            number,
        )

    answer = await decided(workspace, "retryPayment", PAYMENT, invoice=invoice)

    assert answer["__typename"] == "CardTriedTooOften"
    assert "as often as its network allows" in answer["message"]
    assert len(await charges(workspace)) == 1


async def test_an_invoice_that_is_sent_is_charged_by_nobody_but_its_customer(workspace: Scene) -> None:
    await card(workspace)
    invoice = await workspace.invoice()
    await workspace.world.run("update invoice set collection = 'send_invoice' where account_id = $1", workspace.number)

    answer = await decided(workspace, "retryPayment", PAYMENT, invoice=invoice)

    assert answer["message"].startswith("Nothing was changed: it is sent to be paid")
    assert await charges(workspace) == []


async def test_nothing_follows_while_it_is_paused_and_after_that_every_step_comes_later(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    invoice = await due(workspace)
    ahead = (await workspace.world.ask(NODE, workspace.owner, id=invoice)).data["node"]["dunning"]["steps"]
    until = await workspace.world.now() + timedelta(days=10)

    paused = await decided(workspace, "pauseDunning", invoice=invoice, until=written(until), reason="They argue.")
    await days(workspace, 9)
    tried = len(await charges(workspace))
    await days(workspace, 2)

    assert (paused["dunning"]["state"], paused["dunning"]["nextAttemptAt"]) == ("PAUSED", None)
    assert paused["dunning"]["pausedUntil"] == written(until)
    assert tried == 1
    row = await row_of(workspace, invoice)
    assert (row["state"], row["paused_at"], row["pause_reason"]) == ("running", None, None)
    later = (await workspace.world.ask(NODE, await support(workspace), id=invoice)).data["node"]["dunning"]["steps"]
    taken = len(ahead) - len(later)
    assert [step["what"] for step in later] == [step["what"] for step in ahead[taken:]]
    ends = [datetime.fromisoformat(steps[-1]["at"]) for steps in (ahead, later)]
    assert timedelta(days=9) < ends[1] - ends[0] < timedelta(days=12)


async def test_only_staff_are_told_why_it_is_paused(workspace: Scene) -> None:
    invoice = await workspace.dunned(paused=True)

    mine = (await workspace.world.ask(NODE, workspace.owner, id=invoice)).data["node"]["dunning"]
    theirs = (await workspace.world.ask(NODE, await support(workspace), id=invoice)).data["node"]["dunning"]

    assert (mine["state"], mine["pauseReason"], theirs["pauseReason"]) == ("PAUSED", None, "They dispute it.")


async def test_a_pause_is_ended_early_and_ends_when_it_is_paid(workspace: Scene) -> None:
    await card(workspace)
    invoice = await workspace.dunned(paused=True)
    await workspace.world.advance(DAY / 2)

    resumed = await decided(workspace, "resumeDunning", invoice=invoice)
    again = await decided(workspace, "resumeDunning", invoice=invoice)
    until = await workspace.world.now() + timedelta(days=5)
    await decided(workspace, "pauseDunning", invoice=invoice, until=written(until), reason="They argue.")
    await decided(workspace, "retryPayment", PAYMENT, invoice=invoice)
    await work_off(workspace.world, charging=True)

    assert resumed["dunning"]["state"] == "RUNNING"
    assert again["message"] == "Nothing was changed: the dunning of this invoice is running."
    row = await row_of(workspace, invoice)
    assert (row["state"], row["next_at"], row["paused_at"]) == ("settled", None, None)


async def test_the_next_step_is_passed_over_and_no_other_one(workspace: Scene) -> None:
    invoice = await workspace.dunned()

    other = await decided(workspace, "skipDunningStep", invoice=invoice, step="CHARGE")
    skipped = await decided(workspace, "skipDunningStep", invoice=invoice, step="REMIND")
    await decided(workspace, "skipDunningStep", invoice=invoice, step="CHARGE")
    end = await decided(workspace, "skipDunningStep", invoice=invoice, step="END")

    assert other["message"] == "Nothing was changed: the next step is remind. Look at the steps again."
    assert [step["what"] for step in skipped["dunning"]["steps"]] == ["CHARGE", "END"]
    assert end["message"].startswith("Nothing was changed: the end can't be passed over.")
    row = await row_of(workspace, invoice)
    assert row["state"] == "running"
    assert row["ahead"].count("kind") == 1


async def test_a_pause_is_short_and_has_a_reason(workspace: Scene) -> None:
    invoice = await workspace.dunned()
    before = await row_of(workspace, invoice)
    now, somebody = await workspace.world.now(), await support(workspace)

    for until, reason in [(now, "Why."), (now + timedelta(days=181), "Why."), (now + DAY, " ")]:
        reply = await workspace.world.change(
            "pauseDunning",
            somebody,
            shows_=SHOWN,
            reason_="Because.",
            invoice=invoice,
            until=written(until),
            reason=reason,
        )
        assert reply.codes == ["INVALID_INPUT"]

    assert await row_of(workspace, invoice) == before


async def test_nothing_follows_an_invoice_that_nothing_followed(workspace: Scene) -> None:
    invoice = await workspace.invoice()

    answer = await decided(workspace, "resumeDunning", invoice=invoice)

    assert answer["message"] == "Nothing was changed: nothing follows this invoice."
