"""What happens is told to whoever follows it, as they see it, and to nobody else."""

from __future__ import annotations

from auth.policy import KeyScope, Role
from kernel import ids
from tests.gateway.live.speaking import INVOICES, SEATS, Served, begun, following, happened, listening, speaking
from tests.graph.asking import said
from tests.scenery import Scene, World

PAYMENTS = """
    subscription($account: ID!) { paymentChanged(account: $account) { cursor event payment { id state } } }
"""
SUBSCRIPTIONS = """
    subscription($account: ID!) {
        subscriptionChanged(account: $account) { event at subscription { id state account { id } } }
    }
"""


async def test_a_seat_that_is_given_is_told_at_once(door: Served, workspace: Scene) -> None:
    pool = await workspace.pool(3)

    async with following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        seat = await said(workspace, "assignSeat", pool=pool, email="ada@example.test")
        change = await speaker.change()

    assert change["event"] == "seat.assigned"
    assert change["seat"] == {"id": seat["id"], "state": "INVITED"}


async def test_the_same_is_told_on_an_event_stream(door: Served, workspace: Scene) -> None:
    pool = await workspace.pool(3)

    async with listening(door, workspace.owner, SEATS, workspace=workspace.id) as listener:
        await begun(workspace)
        seat = await said(workspace, "assignSeat", pool=pool, email="ada@example.test")
        change = await listener.change()

    assert listener.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert listener.response.headers["x-request-id"]
    assert (change["event"], change["seat"]["id"]) == ("seat.assigned", seat["id"])


async def test_invoices_payments_and_subscriptions_are_told_with_what_they_have_become(
    door: Served, workspace: Scene
) -> None:
    agreement = await workspace.subscription()
    invoice = await workspace.invoice(subscription=agreement)
    payment = await workspace.payment(invoice)

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        for name, query in (("i", INVOICES), ("p", PAYMENTS), ("s", SUBSCRIPTIONS)):
            await speaker.subscribe(name, query, account=workspace.account)
        await begun(workspace, 3)
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", invoice)})
        told_invoice = await speaker.change("i")
        await happened(workspace, "payment.succeeded", {"payment": ids.decode("pay", payment)})
        told_payment = await speaker.change("p")
        await happened(workspace, "subscription.renewed", {"subscription": agreement.id})
        told_agreement = await speaker.change("s")

    assert (told_invoice["event"], told_invoice["invoice"]["id"]) == ("invoice.paid", invoice)
    assert (told_payment["event"], told_payment["payment"]) == (
        "payment.succeeded",
        {"id": payment, "state": "SUCCEEDED"},
    )
    assert told_agreement["subscription"]["account"]["id"] == workspace.account


async def test_what_happens_to_a_refund_happens_to_its_payment(door: Served, workspace: Scene) -> None:
    agreement = await workspace.subscription()
    invoice = await workspace.invoice(subscription=agreement)
    payment = await workspace.payment(invoice)
    await workspace.ledger(agreement, invoice)
    refund = await workspace.refund(payment, invoice)

    async with following(door, workspace.owner, PAYMENTS, account=workspace.account) as speaker:
        await begun(workspace)
        await happened(workspace, "refund.succeeded", {"refund": ids.decode("refund", refund)})
        change = await speaker.change()

    assert (change["event"], change["payment"]["id"]) == ("refund.succeeded", payment)


async def test_one_invoice_can_be_followed_alone(door: Served, workspace: Scene) -> None:
    wanted, other = await workspace.invoice(), await workspace.invoice()

    async with following(door, workspace.owner, INVOICES, account=workspace.account, invoice=wanted) as speaker:
        await begun(workspace)
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", other)})
        await happened(workspace, "invoice.voided", {"invoice": ids.decode("inv", wanted)})
        change = await speaker.change()

    assert change["event"] == "invoice.voided"


async def test_a_service_key_follows_what_its_scopes_let_it_see(door: Served, workspace: Scene) -> None:
    key = await workspace.key(KeyScope.SEATS_READ)
    pool = await workspace.pool(3)

    async with speaking(door) as speaker:
        await speaker.greet(key)
        await speaker.subscribe("money", INVOICES, account=workspace.account)
        refusal = await speaker.refusal("money")
        await speaker.subscribe("1", SEATS, workspace=workspace.id)
        await begun(workspace)
        await said(workspace, "assignSeat", pool=pool, email="ada@example.test")
        change = await speaker.change()

    assert refusal[0] == "FORBIDDEN"
    assert change["event"] == "seat.assigned"


async def test_another_tenants_account_reads_as_one_that_is_not_there(
    door: Served, world: World, workspace: Scene
) -> None:
    stranger = await world.person("grace")
    nowhere = ids.encode("account", world.number())

    async with speaking(door) as speaker:
        await speaker.greet(stranger)
        await speaker.subscribe("1", INVOICES, account=workspace.account)
        foreign = await speaker.refusal()
        await speaker.subscribe("1", INVOICES, account=nowhere)
        missing = await speaker.refusal()

    assert foreign == missing
    assert foreign[0] == "NOT_FOUND"


async def test_another_accounts_invoice_reads_as_one_that_is_not_there(
    door: Served, world: World, workspace: Scene
) -> None:
    other = await world.workspace()
    foreign = await other.invoice()

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("1", INVOICES, account=workspace.account, invoice=foreign)
        refusal = await speaker.refusal()

    assert refusal[0] == "NOT_FOUND"


async def test_a_member_is_told_no_seats(door: Served, workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]

    async with speaking(door) as speaker:
        await speaker.greet(member)
        await speaker.subscribe("1", SEATS, workspace=workspace.id)
        refusal = await speaker.refusal()

    assert refusal[0] == "FORBIDDEN"


async def test_whoever_loses_their_role_is_told_nothing_more(door: Served, workspace: Scene) -> None:
    auditor = workspace.members[Role.AUDITOR]
    invoice = await workspace.invoice()

    async with following(door, auditor, INVOICES, account=workspace.account) as speaker:
        await begun(workspace)
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", invoice)})
        before = await speaker.change()
        await said(workspace, "removeMember", member=workspace.member(auditor))
        await happened(workspace, "invoice.voided", {"invoice": ids.decode("inv", invoice)})
        after = await speaker.refusal()
        await begun(workspace, 0)

    assert before["event"] == "invoice.paid"
    assert after[0] == "NOT_FOUND"
