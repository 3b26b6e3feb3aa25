"""Payment methods: saved without their numbers, chosen, renewed, removed."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import Desk
from kernel import ids
from tests.graph.asking import logged, work_off
from tests.paying import card, control, finish, rail_of
from tests.scenery import Asker, Scene

SETUP = "id state clientSecret declineCode paymentMethod { id kind brand last4 expiresOn isDefault }"
METHOD = "__typename ... on PaymentMethod { id isDefault } ... on Problem { message }"
METHODS = "query($account: ID!) { node(id: $account) { ... on Account { paymentMethods { id last4 isDefault } } } }"


async def begun(scene: Scene, **input_: Any) -> Any:
    reply = await scene.world.change("setUpPaymentMethod", scene.owner, shows_=SETUP, account=scene.account, **input_)
    return reply.data["setUpPaymentMethod"]


async def checked(scene: Scene, setup: str) -> Any:
    reply = await scene.world.change("checkPaymentMethodSetup", scene.owner, shows_=SETUP, setup=setup)
    return reply.data["checkPaymentMethodSetup"]


async def changed(scene: Scene, name: str, **input_: Any) -> Any:
    return (await scene.world.change(name, scene.owner, shows_=METHOD, **input_)).data[name]


async def methods(scene: Scene, as_: Asker = None) -> Any:
    found = (await scene.world.ask(METHODS, as_ or scene.owner, account=scene.account)).data["node"]
    return {method["last4"]: method["isDefault"] for method in found["paymentMethods"]}


async def test_a_card_is_saved_by_the_payers_page_and_is_the_default(workspace: Scene) -> None:
    setup = await begun(workspace)
    await finish(workspace, setup["id"], "pm_card_mastercard")

    done = await checked(workspace, setup["id"])

    assert (setup["state"], setup["paymentMethod"], done["state"]) == ("OPEN", None, "SUCCEEDED")
    assert setup["clientSecret"].startswith("seti_")
    saved = done["paymentMethod"]
    assert (saved["kind"], saved["brand"], saved["last4"], saved["isDefault"]) == ("CARD", "mastercard", "4444", True)
    assert await methods(workspace) == {"4444": True}
    assert await logged(workspace) == ["setup.started", "payment_method.added", "setup.succeeded"]


async def test_what_the_rail_has_is_marked_as_ours(workspace: Scene) -> None:
    setup = await begun(workspace)

    rail = rail_of(workspace.world)
    number = ids.decode("setup", setup["id"])
    known = await workspace.world.value("select rail_id from payment_setup where id = $1", number)
    told = await rail.methods.setup(known, urgent=True)

    assert told.metadata == {
        "gw_installation": rail.installation,
        "gw_account": workspace.account,
        "gw_setup": setup["id"],
    }
    assert told.customer
    assert (await rail.customers.look(told.customer, urgent=True)).metadata["gw_account"] == workspace.account


async def test_a_page_that_is_not_finished_has_saved_nothing(workspace: Scene) -> None:
    setup = await begun(workspace)

    again = await checked(workspace, setup["id"])

    assert (again["state"], again["paymentMethod"]) == ("OPEN", None)
    assert await methods(workspace) == {}


async def test_checking_twice_saves_once(workspace: Scene) -> None:
    setup = await begun(workspace)
    await finish(workspace, setup["id"])

    first, second = await checked(workspace, setup["id"]), await checked(workspace, setup["id"])

    assert first == second
    assert await methods(workspace) == {"4242": True}


async def test_an_account_is_one_customer_however_many_it_saves(workspace: Scene) -> None:
    for token in ("pm_card_visa", "pm_card_amex"):
        setup = await begun(workspace, default=token == "pm_card_amex")
        await finish(workspace, setup["id"], token)
        await checked(workspace, setup["id"])

    assert await methods(workspace) == {"4242": False, "0005": True}
    assert (
        await workspace.world.value("select count(*) from rail_customer where account_id = $1", workspace.number) == 1
    )


async def test_a_secret_is_shown_to_the_payer_and_not_to_our_staff(workspace: Scene) -> None:
    setup = await begun(workspace)
    staff = await workspace.world.person("support", desk=Desk.SUPPORT)
    asked = "query($id: ID!) { node(id: $id) { ... on PaymentMethodSetup { state clientSecret } } }"

    seen = (await workspace.world.ask(asked, staff, id=setup["id"])).data["node"]

    assert seen == {"state": "OPEN", "clientSecret": None}
    number = ids.decode("setup", setup["id"])
    kept = await workspace.world.value("select secret from payment_setup where id = $1", number)
    assert setup["clientSecret"].encode() not in bytes(kept)


async def test_only_what_an_account_can_save_is_offered(workspace: Scene) -> None:
    before = await logged(workspace)

    refused = await workspace.world.change(
        "setUpPaymentMethod", workspace.owner, account=workspace.account, kinds=["SEPA_DEBIT"]
    )

    assert refused.code == "INVALID_INPUT"
    assert refused.json["errors"][0]["message"] == (
        "This account can't save SEPA_DEBIT for payments in USD. It can save: CARD, LINK, US_BANK_ACCOUNT."
    )
    assert await logged(workspace) == before


@pytest.mark.parametrize(
    ("country", "currency", "kinds"),
    [
        ("US", None, ["CARD", "LINK", "US_BANK_ACCOUNT", "BANK_TRANSFER"]),
        ("DE", "EUR", ["CARD", "LINK", "SEPA_DEBIT", "BANK_TRANSFER"]),
        ("JP", "JPY", ["CARD", "LINK", "BANK_TRANSFER"]),
        ("KW", "KWD", ["CARD"]),
    ],
)
async def test_what_may_be_used_depends_on_where_and_in_which_currency(
    workspace: Scene, country: str, currency: str | None, kinds: list[str]
) -> None:
    await workspace.world.run("update account set country = $2 where id = $1", workspace.number, country)
    asked = (
        "query($account: ID!, $currency: String) { node(id: $account) { ... on Account {"
        " paymentOptions(currency: $currency) { kind saved wallets } } } }"
    )

    reply = await workspace.world.ask(asked, workspace.owner, account=workspace.account, currency=currency)

    options = reply.data["node"]["paymentOptions"]
    assert [option["kind"] for option in options] == kinds
    assert options[0] == {"kind": "CARD", "saved": True, "wallets": ["apple_pay", "google_pay"]}


async def test_another_method_becomes_the_default(workspace: Scene) -> None:
    await card(workspace)
    other = await card(workspace, "pm_card_amex", default=False)

    chosen = await changed(workspace, "choosePaymentMethod", paymentMethod=other)

    assert chosen == {"__typename": "PaymentMethod", "id": other, "isDefault": True}
    assert await methods(workspace) == {"4242": False, "0005": True}


async def test_a_subscription_may_have_a_method_of_its_own(workspace: Scene) -> None:
    first, other = await card(workspace), await card(workspace, "pm_card_amex", default=False)
    subscription = ids.encode("sub", (await workspace.subscription()).id)

    chosen = await changed(workspace, "choosePaymentMethod", paymentMethod=other, subscription=subscription)

    assert chosen["isDefault"] is False
    kept = await workspace.world.value(
        "select payment_method_id from payment_choice where account_id = $1", workspace.number
    )
    assert (ids.encode("pm", kept), await methods(workspace)) == (other, {"4242": True, "0005": False})
    assert first


async def test_another_accounts_subscription_is_not_found(workspace: Scene) -> None:
    elsewhere = await workspace.world.workspace(name="Elsewhere")
    theirs = ids.encode("sub", (await elsewhere.subscription()).id)
    mine = await card(workspace)

    reply = await workspace.world.change(
        "choosePaymentMethod", workspace.owner, paymentMethod=mine, subscription=theirs
    )

    assert reply.code == "NOT_FOUND"


async def test_a_removed_method_is_gone_here_and_at_the_rail(workspace: Scene) -> None:
    mine = await card(workspace)
    known = await workspace.world.value("select rail_id from payment_method where id = $1", ids.decode("pm", mine))

    await changed(workspace, "removePaymentMethod", paymentMethod=mine)

    assert await methods(workspace) == {}
    assert (await rail_of(workspace.world).methods.look(known, urgent=True)).customer is None
    again = await changed(workspace, "removePaymentMethod", paymentMethod=mine)
    assert again["message"] == "This payment method was removed. Choose another one, or add one."


async def test_a_method_that_the_rail_does_not_know_is_removed_all_the_same(workspace: Scene) -> None:
    mine = await workspace.payment_method()

    removed = await changed(workspace, "removePaymentMethod", paymentMethod=mine)

    assert removed["id"] == mine
    assert await methods(workspace) == {}


async def test_a_rail_that_does_not_answer_is_told_and_can_be_asked_again(workspace: Scene) -> None:
    fault = {"operation": "setup_intents.create", "fault": "drop_before", "times": 0}
    await control(workspace.world, "faults", fault)
    try:
        refused = await workspace.world.change("setUpPaymentMethod", workspace.owner, account=workspace.account)
    finally:
        await control(workspace.world, "faults", verb="DELETE")

    assert refused.code == "UNAVAILABLE"
    assert (await begun(workspace))["state"] == "OPEN"


async def test_a_month_before_a_card_expires_its_owner_is_told_once(workspace: Scene) -> None:
    mine = ids.decode("pm", await card(workspace))
    this_month = f"{await workspace.world.now():%Y-%m}"
    await workspace.world.run("update payment_method set expires_on = $2 where id = $1", mine, this_month)

    await work_off(workspace.world)
    await work_off(workspace.world)

    assert await logged(workspace) == ["payment_method.expiring"]
