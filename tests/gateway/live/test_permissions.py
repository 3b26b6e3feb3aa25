"""Who may follow what: every stream, tried by everybody who may come to the door."""

from __future__ import annotations

from typing import NamedTuple

import pytest

import schema
from tests.gateway.live.speaking import Served, authorization, begun, speaking
from tests.graph.crowd import DESKS, EVERYBODY, ROLES, SCOPES, UNBELIEVED, WITHOUT_A_REASON, crowd
from tests.graph.test_permissions import HOLDERS
from tests.scenery import Scene


class Rule(NamedTuple):
    """The right that a stream asks for, and the argument that names whose things it follows."""

    right: str
    argument: str = "account"


RULES = {
    "invoiceChanged": Rule("see invoices"),
    "paymentChanged": Rule("see billing"),
    "subscriptionChanged": Rule("see billing"),
    "seatChanged": Rule("see people", "workspace"),
    "auditRecorded": Rule("see audit"),
}


def test_every_stream_has_its_rule() -> None:
    followed = schema.graph()._schema.subscription_type

    assert followed is not None
    assert set(followed.fields) == set(RULES)


def expected(who: str, rule: Rule) -> str:
    """What becomes of somebody who follows."""
    known = who.removesuffix(" without a reason")
    if known in HOLDERS[rule.right]:
        return "followed"
    return "FORBIDDEN" if known in HOLDERS["see workspace"] else "NOT_FOUND"


@pytest.mark.parametrize("stream", RULES)
async def test_everybody_follows_what_they_may_see_and_nothing_else(
    door: Served, workspace: Scene, stream: str
) -> None:
    rule = RULES[stream]
    whose = workspace.account if rule.argument == "account" else workspace.id
    document = f"subscription($whose: ID!) {{ {stream}({rule.argument}: $whose) {{ event }} }}"
    people = await crowd(workspace)
    came: dict[str, str] = {}

    for who in (*ROLES, *SCOPES, *DESKS, *WITHOUT_A_REASON, "stranger", "former admin", "key of another workspace"):
        async with speaking(door) as speaker:
            await speaker.greet(people[who].asker)
            await speaker.subscribe("1", document, whose=whose)
            if expected(who, rule) == "followed":
                await begun(workspace)
                came[who] = "followed"
            else:
                came[who] = (await speaker.refusal())[0]
        await begun(workspace, 0)

    assert came == {who: expected(who, rule) for who in came}


async def test_whoever_is_not_believed_is_not_let_in(door: Served, workspace: Scene) -> None:
    people = await crowd(workspace)
    came = {}

    for who in ("anonymous", *UNBELIEVED):
        asker = people[who].asker
        async with speaking(door) as speaker:
            said = {} if asker is None else {"authorization": authorization(asker)}
            await speaker.say(type="connection_init", payload=said)
            came[who] = (await speaker.closed())[0]

    assert set(came.values()) == {4403}
    assert len(came) + len(ROLES + SCOPES + DESKS + WITHOUT_A_REASON) + 3 == len(EVERYBODY)
