"""The link in the letter of an invitation: what its token does, what the page behind it says, and what stops it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

import httpx2
import pytest

from auth import bearers
from auth.policy import Role
from gateway.letters.posting import Post
from kernel import ids
from seats import invitations, resending
from tests.graph.asking import (
    DAY,
    counted,
    letter_to,
    letters,
    logged,
    said,
    state_of,
    stranger,
    told,
    work_off,
)
from tests.graph.crowd import evidence
from tests.graph.surfing import ORIGIN, browser
from tests.scenery import Scene, Somebody

SENDER, APP = "Acme Billing <billing@acme.test>", "https://app.acme.test"
CLOSED = {
    "__typename": "InvitationLinkClosed",
    "message": (
        "This invitation can't be accepted: it was accepted, taken back, sent anew, or is older than seven days."
        " Use the latest letter, or ask for a new one."
    ),
}
OURS = {"accept": "text/html", "origin": ORIGIN}
"""What a browser says that sends a form of our own page."""


@dataclass
class Pile:
    """A postbox that keeps what is put in, and may say that it failed all the same."""

    messages: list[EmailMessage] = field(default_factory=list)
    fails: bool = False

    async def post(self, name: str, message: EmailMessage) -> None:
        """Keep a message."""
        del name
        self.messages.append(message)
        if self.fails:
            raise OSError("The answer was lost.")

    def tokens(self, email: str) -> list[str]:
        """What the links to an address end in, in the order of their letters."""
        return [_token(one) for one in self.messages if one["To"] == email]


def _token(message: EmailMessage) -> str:
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    (found,) = re.findall(rf"{APP}/invitations/(sgi_[\w-]{{43}})\s", plain.get_content())
    assert f'href="{APP}/invitations/{found}"' in page.get_content()
    return str(found)


async def posted(scene: Scene, pile: Pile | None = None, *, later: timedelta = timedelta(0)) -> Pile:
    """What a worker posts of the letters that wait."""
    pile = pile or Pile()
    await work_off(scene.world, post=Post(pile, SENDER, APP), later=later)
    return pile


async def token_of(scene: Scene, invitation: str) -> str:
    """A token of an invitation, as its letter has it."""
    made, number = bearers.issue(invitations.PREFIX), ids.decode("invitation", invitation)
    await scene.world.run("update invitation set token_hash = $2 where id = $1", number, made.digest)
    return made.text


async def page_of(scene: Scene, token: str) -> httpx2.Response:
    """What a browser in which nobody is signed in is shown."""
    async with browser(scene.world) as tab:
        return await tab.client.get(f"/invitations/{token}")


@asynccontextmanager
async def signed_in(scene: Scene) -> AsyncIterator[tuple[Somebody, httpx2.AsyncClient]]:
    """A member of another workspace, and the browser in which they came through its single sign-on."""
    elsewhere = await scene.world.workspace(name="Elsewhere", roles=[Role.OWNER])
    grace = await elsewhere.join(Role.MEMBER)
    text = await elsewhere.came_through(await elsewhere.sso(), grace)
    async with browser(scene.world) as tab:
        tab.client.cookies.set(scene.world.app.state.door.cookies.session, text)
        yield grace, tab.client


# The token


async def test_the_letter_has_a_token_of_which_only_the_hash_is_kept(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    await said(workspace, "inviteMember", workspace=workspace.id, email=grace.email, idempotencyKey="once")

    (token,) = (await posted(workspace)).tokens(grace.email)

    kept = await workspace.world.rows(
        "select token_hash from invitation where account_id = $1 and email = $2", workspace.number, grace.email
    )
    everything = await workspace.world.value(
        "select string_agg(t, '') from (select a::text as t from audit_record a where account_id = $1"
        " union all select o::text from outbox o where account_id = $1"
        " union all select l::text from letter l where account_id = $1"
        " union all select k::text from idempotency_key k where actor = $2) t",
        workspace.number,
        f"person:{workspace.owner.number}",
    )
    assert [row["token_hash"] for row in kept] == [sha256(token.encode()).digest()]
    assert grace.email in everything
    assert token.removeprefix("sgi_") not in everything
    assert sha256(token.encode()).hexdigest() not in everything


async def test_it_is_shown_to_nobody_who_asks_the_graph(workspace: Scene) -> None:
    schema = await workspace.world.ask('{ __type(name: "Invitation") { fields { name } } }', workspace.owner)

    assert {one["name"] for one in schema.data["__type"]["fields"]} == {
        *("id", "email", "role", "state", "createdAt", "expiresAt", "workspaceName", "workspace"),
    }


async def test_whoever_accepts_with_it_is_a_member_with_the_seats_that_wait(workspace: Scene) -> None:
    grace, pool = await stranger(workspace.world), await workspace.pool(1)
    seat = (await said(workspace, "assignSeat", pool=pool, email=grace.email))["id"]
    (token,) = (await posted(workspace)).tokens(grace.email)

    answer = await said(workspace, "acceptInvitation", grace, token=token)

    assert (answer["role"], answer["state"], answer["person"]) == ("MEMBER", "ACTIVE", {"id": grace.id})
    assert await state_of(workspace, seat) == ("active", None)
    assert await counted(workspace, pool) == (1, 1)
    assert await letters(workspace, grace.email) == ["accepted"]


@pytest.mark.parametrize("why", ["unknown", "no token", "used", "taken back", "run out", "sent anew", "another's"])
async def test_one_that_counts_for_nothing_is_refused_with_one_sentence(workspace: Scene, why: str) -> None:
    grace = await stranger(workspace.world)
    start = await workspace.world.now() - (7 * DAY if why == "run out" else DAY)
    letter = await workspace.invitation(grace.email, sent=start)
    token = await token_of(workspace, letter)
    if why == "unknown":
        token = "sgi_" + "a" * 43
    elif why == "no token":
        token = letter
    elif why == "used":
        await said(workspace, "acceptInvitation", grace, token=token)
    elif why == "taken back":
        await said(workspace, "revokeInvitation", invitation=letter)
    elif why == "sent anew":
        await said(workspace, "resendInvitation", invitation=letter)
    elif why == "another's":
        await said(workspace, "revokeInvitation", invitation=letter)
        grace = await stranger(workspace.world)
    before = await evidence(workspace)

    answer = await said(workspace, "acceptInvitation", grace, token=token)
    page = await page_of(workspace, token)

    assert answer == CLOSED
    assert page.status_code == 404
    assert CLOSED["message"].replace("'", "&#x27;") in page.text
    assert await evidence(workspace) == before


@pytest.mark.parametrize("verified", [True, False])
async def test_the_letter_alone_lets_nobody_in(workspace: Scene, verified: bool) -> None:
    invited = "ada@example.test"
    if not verified:
        invited = (somebody := await workspace.world.person("grace", verified=False)).email
    else:
        somebody = await stranger(workspace.world)
    token = await token_of(workspace, await workspace.invitation(invited))
    before = await evidence(workspace)

    answer = await said(workspace, "acceptInvitation", somebody, token=token)

    assert answer == {
        "__typename": "InvitedSomebodyElse",
        "message": "This invitation is for another address. Sign in with the address it was sent to.",
    }
    assert await evidence(workspace) == before


async def test_it_is_either_the_invitation_or_its_token(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    letter = await workspace.invitation(grace.email)
    token = await token_of(workspace, letter)
    before = await evidence(workspace)

    both = await told(workspace, "acceptInvitation", grace, invitation=letter, token=token)
    neither = await told(workspace, "acceptInvitation", grace)

    assert [both.code, neither.code] == ["INVALID_INPUT"] * 2
    assert await evidence(workspace) == before


async def test_accepted_from_several_sides_at_once_it_makes_one_member(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    letter = await workspace.invitation(grace.email)
    token = await token_of(workspace, letter)

    came = await asyncio.gather(
        *(said(workspace, "acceptInvitation", grace, token=token) for _ in range(3)),
        said(workspace, "acceptInvitation", grace, invitation=letter),
    )

    assert sorted(one["__typename"] for one in came).count("Member") == 1
    assert await letters(workspace, grace.email) == ["accepted"]
    assert (await logged(workspace)).count("member.joined") == 1


async def test_sent_anew_the_letter_before_stops_at_once_and_the_new_one_works(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    await said(workspace, "inviteMember", workspace=workspace.id, email=grace.email)
    pile = await posted(workspace)

    await said(workspace, "resendInvitation", invitation=await letter_to(workspace, grace.email))
    at_once = await said(workspace, "acceptInvitation", grace, token=pile.tokens(grace.email)[0])
    await posted(workspace, pile)
    first, second = pile.tokens(grace.email)
    after = [await said(workspace, "acceptInvitation", grace, token=token) for token in (first, second)]

    assert first != second
    assert at_once == after[0] == CLOSED
    assert after[1]["state"] == "ACTIVE"


async def test_a_letter_that_is_tried_again_is_another_letter_with_another_token(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    await said(workspace, "inviteMember", workspace=workspace.id, email=grace.email)
    pile = await posted(workspace, Pile(fails=True))
    pile.fails = False

    await posted(workspace, pile, later=timedelta(minutes=5))

    first, second = pile.tokens(grace.email)
    names = [one["Message-ID"] for one in pile.messages if one["To"] == grace.email]
    assert len({*names}) == 2
    assert await said(workspace, "acceptInvitation", grace, token=first) == CLOSED
    assert (await said(workspace, "acceptInvitation", grace, token=second))["state"] == "ACTIVE"


async def test_a_letter_that_leads_to_nothing_any_more_is_not_posted(workspace: Scene) -> None:
    await said(workspace, "inviteMember", workspace=workspace.id, email="ada@example.test")
    await work_off(workspace.world)
    await said(workspace, "revokeInvitation", invitation=await letter_to(workspace, "ada@example.test"))

    pile = await posted(workspace)

    (row,) = await workspace.world.rows("select * from letter where account_id = $1", workspace.number)
    assert pile.tokens("ada@example.test") == []
    assert (row["posted_at"], row["next_at"]) == (None, None)
    assert row["failure"] == "The invitation was answered, taken back, or has run out."


# The page


async def test_the_page_says_what_it_is_about_and_accepts_nothing(workspace: Scene) -> None:
    grace, pool = await stranger(workspace.world), await workspace.pool(1)
    await workspace.seat(pool, grace.email)
    letter = await workspace.invitation(grace.email, role=Role.AUDITOR)
    token = await token_of(workspace, letter)
    before = await evidence(workspace)

    page = await page_of(workspace, token)
    async with browser(workspace.world) as tab:
        headed = await tab.client.head(f"/invitations/{token}")

    (name,) = await workspace.world.rows("select name from workspace where id = $1", workspace.number)
    assert (page.status_code, headed.status_code) == (200, 200)
    assert f"Join {name['name']}" in page.text
    assert grace.email in page.text
    assert "as auditor" in page.text
    assert "A seat waits for you there: Team." in page.text
    assert "Joining cancels nothing" in page.text
    assert f"Sign in with <strong>{grace.email}</strong>" in page.text
    assert "<form" not in page.text
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert await evidence(workspace) == before


async def test_the_name_of_a_workspace_is_text_on_the_page(workspace: Scene) -> None:
    evil = "<script>alert(1)</script>"
    await workspace.world.run("update workspace set name = $2 where id = $1", workspace.number, evil)
    token = await token_of(workspace, await workspace.invitation("ada@example.test"))

    page = await page_of(workspace, token)

    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_whoever_is_signed_in_there_joins_with_a_button(workspace: Scene) -> None:
    async with signed_in(workspace) as (grace, client):
        token = await token_of(workspace, await workspace.invitation(grace.email))
        address = f"/invitations/{token}"

        before = await client.get(address)
        joined = await client.post(address, headers=OURS)
        again = await client.post(address, headers=OURS)

    assert f'<form method="post" action="{address}">' in before.text
    assert (joined.status_code, again.status_code) == (200, 409)
    assert "You are a member now" in joined.text
    assert CLOSED["message"].replace("'", "&#x27;") in again.text
    assert await letters(workspace, grace.email) == ["accepted"]


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 401), ("another address", 409), ("another site", 403), ("no browser", 403)]
)
async def test_nobody_else_joins_with_it(workspace: Scene, who: str, status: int) -> None:
    async with signed_in(workspace) as (grace, client):
        email = "ada@example.test" if who == "another address" else grace.email
        token = await token_of(workspace, await workspace.invitation(email))
        if who == "nobody":
            client.cookies.clear()
        headers: dict[str, Any] = {"another site": {"origin": "https://evil.test"}, "no browser": {}}.get(who, OURS)
        before = await evidence(workspace)

        looked = await client.get(f"/invitations/{token}")
        answer = await client.post(f"/invitations/{token}", headers=headers)

    assert looked.status_code == 200
    assert ("signed in with another address" in looked.text) is (who == "another address")
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert await evidence(workspace) == before


# How often


async def test_an_address_gets_four_letters_within_an_hour(workspace: Scene) -> None:
    now = await workspace.world.now()
    start = now - timedelta(minutes=50)
    letter = await workspace.invitation("ada@example.test", sent=start)
    for _ in range(resending.MOST_TO_ONE - 1):
        letter = (await said(workspace, "resendInvitation", invitation=letter))["id"]
    before = await evidence(workspace)

    answer = await said(workspace, "resendInvitation", invitation=letter)
    unchanged = await evidence(workspace) == before
    await workspace.world.run(
        "update invitation set created_at = created_at - interval '11 minutes' where account_id = $1", workspace.number
    )
    later = await said(workspace, "resendInvitation", invitation=letter)

    again = start + resending.WITHIN
    assert answer == {
        "__typename": "ResentTooOften",
        "message": (
            f"Too many letters went out within the hour, so this one was not sent. Try again after {again:%H:%M} UTC."
        ),
    }
    assert unchanged
    assert later["state"] == "PENDING"


async def test_a_workspace_sends_only_so_many_anew_within_an_hour(workspace: Scene) -> None:
    now = await workspace.world.now()
    letter = await workspace.invitation("ada@example.test", sent=now - DAY)
    await workspace.world.run(
        "insert into invitation (account_id, id, email, role, state, created_at, expires_at, answered_at, in_place_of)"
        " select $1, n, n || '@example.test', 'member', 'revoked', $3, $3, $3, $4 from unnest($2::bigint[]) n",
        workspace.number,
        [workspace.world.number() for _ in range(resending.MOST_IN_ALL)],
        now - timedelta(minutes=1),
        ids.decode("invitation", letter),
    )
    before = await evidence(workspace)

    answer = await said(workspace, "resendInvitation", invitation=letter)
    unchanged = await evidence(workspace) == before
    invited = await said(workspace, "inviteMember", workspace=workspace.id, email="eve@example.test")

    assert answer["__typename"] == "ResentTooOften"
    assert unchanged
    assert invited["state"] == "PENDING"
