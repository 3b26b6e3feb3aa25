"""Billing settings: who says how an account is billed, what it may say for itself, and what stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Desk, Role
from kernel import ids
from tests.graph.asking import work_off
from tests.graph.crowd import evidence
from tests.scenery import Asker, Scene

SHOWS = """__typename
    ... on Account { name email country timeZone billing {
        address vatId poNumber collection netDays graceHours seatCollection oneInvoice locale } }
    ... on Problem { message }"""


async def settled(scene: Scene, as_: Asker = None, reason: str | None = None, **given: Any) -> Any:
    """What came of it, asked by the owner unless told otherwise: the answer, or the code of the error."""
    account = given.pop("account", scene.account)
    who = as_ or scene.owner
    reply = await scene.world.change(
        "updateBillingSettings", who, shows_=SHOWS, reason_=reason, account=account, **given
    )
    return reply.code or reply.data["updateBillingSettings"]


async def test_a_billing_admin_sets_how_the_workspace_is_billed(workspace: Scene) -> None:
    admin = workspace.members[Role.BILLING_ADMIN]

    told = await settled(
        workspace,
        admin,
        name="Acme GmbH",
        email="Invoices@Acme.test",
        address=["Karl-Marx-Allee  1", "10178 Berlin"],
        country="DE",
        vatId="de 136 695 976",
        poNumber="PO 7",
        netDays=30,
        graceHours=24,
        seatCollection="MONTHLY",
        oneInvoice=True,
        locale="de",
        timeZone="Europe/Berlin",
    )

    assert told == {
        "__typename": "Account",
        "name": "Acme GmbH",
        "email": "invoices@acme.test",
        "country": "DE",
        "timeZone": "Europe/Berlin",
        "billing": {
            "address": ["Karl-Marx-Allee 1", "10178 Berlin"],
            "vatId": "DE136695976",
            "poNumber": "PO 7",
            "collection": "CHARGE_AUTOMATICALLY",
            "netDays": 30,
            "graceHours": 24,
            "seatCollection": "MONTHLY",
            "oneInvoice": True,
            "locale": "de",
        },
    }


async def test_what_is_left_out_stays_and_an_empty_text_removes(workspace: Scene) -> None:
    await settled(workspace, country="DE", vatId="DE136695976", poNumber="PO 7", address=["Here"])

    told = await settled(workspace, poNumber="", address=[])
    removed = await settled(workspace, vatId=" ")

    assert (told["country"], told["billing"]["vatId"]) == ("DE", "DE136695976")
    assert (told["billing"]["poNumber"], told["billing"]["address"]) == (None, [])
    assert removed["billing"]["vatId"] is None


async def test_a_person_sets_their_own_account_and_nobody_elses(workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]

    own = await settled(workspace, member, account=member.account, locale="fr-CH")
    others = await settled(workspace, member, locale="fr-CH")
    stranger = await settled(workspace, await workspace.world.person(), locale="fr-CH")

    assert own["billing"]["locale"] == "fr-CH"
    assert (others, stranger) == ("FORBIDDEN", "NOT_FOUND")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"vatId": "DE136695977"}, "DE136695977 is not a valid VAT id: its form or its check digits are wrong."),
        ({"vatId": "hello"}, "hello is not a valid VAT id: its form or its check digits are wrong."),
        ({"vatId": "DE136695976"}, "DE136695976 is not a valid VAT id: it is one of DE, and the account is in US."),
        ({"netDays": 31}, "Net terms above 30 days are agreed with our Finance. Choose up to 30, or ask Support"),
        ({"graceHours": 73}, "More than 72 hours as a draft are agreed with our Finance. Choose fewer, or ask"),
        ({"collection": "SEND_INVOICE"}, "Paying by invoice is agreed with our Finance. Ask Support for it."),
        ({"locale": "en"}, "The billing settings are like this already, so nothing was changed."),
        ({}, "The billing settings are like this already, so nothing was changed."),
        ({"netDays": -1}, "INVALID_INPUT"),
        ({"netDays": 366}, "INVALID_INPUT"),
        ({"graceHours": 721}, "INVALID_INPUT"),
        ({"country": "XX"}, "INVALID_INPUT"),
        ({"country": "EU"}, "INVALID_INPUT"),
        ({"country": "de"}, "INVALID_INPUT"),
        ({"timeZone": "Europe/Atlantis"}, "INVALID_INPUT"),
        ({"timeZone": "../etc/passwd"}, "INVALID_INPUT"),
        ({"locale": "xx-YY"}, "INVALID_INPUT"),
        ({"locale": "de_DE"}, "INVALID_INPUT"),
        ({"email": "nobody"}, "INVALID_INPUT"),
        ({"name": " "}, "INVALID_INPUT"),
        ({"poNumber": "x" * 101}, "INVALID_INPUT"),
        ({"poNumber": "a\nb"}, "INVALID_INPUT"),
        ({"address": ["x"] * 7}, "INVALID_INPUT"),
        ({"address": [""]}, "INVALID_INPUT"),
        ({"address": ["a\x00b"]}, "INVALID_INPUT"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_changes(
    given: dict[str, Any], says: str, workspace: Scene
) -> None:
    before = await evidence(workspace)

    told = await settled(workspace, **given, **({} if not given or "locale" in given else {"locale": "de"}))

    assert told == says if says.isupper() else told["message"].startswith(says)
    assert await evidence(workspace) == before


async def test_a_vat_id_does_not_stay_behind_in_another_country(workspace: Scene) -> None:
    await settled(workspace, country="DE", vatId="DE136695976")

    moved = await settled(workspace, country="AT")
    with_its_own = await settled(workspace, country="AT", vatId="ATU13585627")

    assert moved["message"].startswith("DE136695976 is not a valid VAT id: it is one of DE, and the account is in AT.")
    assert (with_its_own["country"], with_its_own["billing"]["vatId"]) == ("AT", "ATU13585627")


async def test_finance_agrees_to_more_and_it_stays_when_other_things_change(workspace: Scene) -> None:
    finance = await workspace.world.person("finance", desk=Desk.FINANCE)
    support = await workspace.world.person("support", desk=Desk.SUPPORT)

    silent = await settled(workspace, finance, netDays=90)
    refused = await settled(workspace, support, "Asked for.", netDays=90)
    agreed = await settled(workspace, finance, "Their contract says so.", netDays=90, collection="SEND_INVOICE")
    kept = await settled(workspace, netDays=90, collection="SEND_INVOICE", poNumber="PO 8")
    more = await settled(workspace, netDays=91)

    assert (silent, refused) == ("FORBIDDEN", "FORBIDDEN")
    assert (agreed["billing"]["netDays"], agreed["billing"]["collection"]) == (90, "SEND_INVOICE")
    assert kept["billing"]["poNumber"] == "PO 8"
    assert more["__typename"] == "TermsForFinance"


async def test_two_people_at_once_each_change_what_they_asked_for(workspace: Scene) -> None:
    told = await asyncio.gather(
        settled(workspace, poNumber="PO 1"), settled(workspace, workspace.members[Role.BILLING_ADMIN], locale="ja")
    )

    (row,) = await workspace.world.rows("select po_number, locale from account where id = $1", workspace.number)
    assert [one["__typename"] for one in told] == ["Account"] * 2
    assert tuple(row) == ("PO 1", "ja")


async def test_only_whoever_sees_invoices_sees_how_they_are_made(workspace: Scene) -> None:
    document = "query($id: ID!) { account(id: $id) { name billing { netDays } } }"
    seen = {}
    for role, who in workspace.members.items():
        seen[role] = (await workspace.world.ask(document, who, id=workspace.account)).data["account"]["billing"]

    assert {role for role, told in seen.items() if told} == {Role.OWNER, Role.BILLING_ADMIN, Role.AUDITOR}


async def test_a_running_subscription_keeps_the_zone_that_its_anchor_was_made_in(workspace: Scene) -> None:
    world = workspace.world
    running = await workspace.subscription()
    before = await world.rows("select * from subscription_cycle where subscription_id = $1", running.id)

    await settled(workspace, timeZone="Pacific/Auckland")
    await work_off(world, later=running.period_end - await world.now() + timedelta(hours=1))

    (row,) = await world.rows("select period_start, period_end, time_zone from subscription where id = $1", running.id)
    after = await world.rows("select * from subscription_cycle where subscription_id = $1", running.id)
    assert (row["period_start"], row["time_zone"]) == (running.period_end, "UTC")
    assert [tuple(one) for one in after] == [tuple(one) for one in before]


async def test_what_starts_after_a_change_of_zone_hangs_from_the_new_one(workspace: Scene) -> None:
    ada = await workspace.world.person()
    await settled(workspace, ada, account=ada.account, timeZone="Asia/Tokyo")

    price = workspace.world.catalog.pro.price
    bought = await workspace.world.change(
        "subscribe", ada, shows_="... on Subscription { id }", account=ada.account, price=price
    )

    number = ids.decode("sub", bought.data["subscribe"]["id"])
    zone = await workspace.world.value("select time_zone from subscription_cycle where subscription_id = $1", number)
    assert zone == "Asia/Tokyo"
