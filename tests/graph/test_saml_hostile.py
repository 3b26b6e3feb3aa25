"""Every bad answer in the suite, posted as a browser does: one sentence, no session, nobody new, and a record of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from gateway.sso import REFUSED
from tests.auth.saml.answering import ASKING, Asking, Idp, posted
from tests.auth.saml.hostile import CASES
from tests.auth.saml.surfing import Visitor, visitor
from tests.graph.surfing import ORIGIN
from tests.graph.test_saml import asked
from tests.scenery import Scene

SOME = 50
"""How many are put to one SSO connection: it records no more than 60 refusals in an hour."""

PARTS = [sorted(CASES)[start : start + SOME] for start in range(0, len(CASES), SOME)]


async def asking(tab: Visitor, connection: str, domain: str, now: datetime) -> tuple[Asking, str]:
    """Who asks, for what, and with which state, when a browser begins to sign in."""
    left = await tab.leave(connection)
    assert left.status_code == 303, left.text
    sent = left.headers["location"]
    ours, request = f"{ORIGIN}/sso/{connection}", asked(sent).get("ID")
    return Asking(now, f"{ours}/metadata", f"{ours}/acs", request, domain), parse_qs(urlsplit(sent).query)[
        "RelayState"
    ][0]


async def tried(tab: Visitor, connection: str, raw: bytes, state: str) -> httpx2.Response:
    return await tab.finish(await tab.post(connection, posted(raw), state))


async def counts(scene: Scene, domain: str) -> dict[str, Any]:
    """What could have come of an answer."""
    world = scene.world
    return {
        "sessions": await world.value("select count(*) from session where account_id = $1", scene.number),
        "links": await world.value("select count(*) from sso_identity where account_id = $1", scene.number),
        "people": await world.value("select count(*) from person where lower_email like '%@' || $1", domain),
        "refused": await world.value(
            "select count(*) from audit_record where account_id = $1 and action = 'login.refused'", scene.number
        ),
    }


@pytest.mark.parametrize("names", PARTS, ids=lambda names: f"{names[0]} and on")
async def test_no_bad_answer_comes_in_by_the_door(names: list[str], workspace: Scene) -> None:
    domain, world = f"acme-{workspace.number:x}.test", workspace.world
    await workspace.domain(domain)
    connection, now, replies = await workspace.saml(), await world.now(), {}

    async with visitor(world) as tab:
        for name in names:
            told, state = await asking(tab, connection, domain, now)
            before = ASKING.set(told)
            raw = CASES[name]()[1]
            ASKING.reset(before)
            replies[name] = await tried(tab, connection, raw, state)
    after = await counts(workspace, domain)

    assert {name: reply.status_code for name, reply in replies.items()} == dict.fromkeys(names, 403)
    assert {reply.text for reply in replies.values()} == {replies[names[0]].text}
    assert REFUSED in replies[names[0]].text
    assert not [name for name, reply in replies.items() if "set-cookie" in reply.headers]
    assert after == {"sessions": 0, "links": 0, "people": 0, "refused": len(names)}


async def test_the_same_door_lets_a_good_answer_in(workspace: Scene) -> None:
    domain, world = f"acme-{workspace.number:x}.test", workspace.world
    await workspace.domain(domain)
    connection, now = await workspace.saml(), await world.now()

    async with visitor(world) as tab:
        told, state = await asking(tab, connection, domain, now)
        before = ASKING.set(told)
        raw = Idp().raw()
        ASKING.reset(before)
        back = await tried(tab, connection, raw, state)

    assert back.status_code == 303
    assert await counts(workspace, domain) == {"sessions": 1, "links": 1, "people": 1, "refused": 0}


def test_signature_wrapping_is_tried_in_all_its_eight_ways() -> None:
    assert {f"signature wrapping {number}" for number in range(1, 9)} <= set(CASES)
