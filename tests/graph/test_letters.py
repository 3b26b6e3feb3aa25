"""Letters: who is told what by mail, in which words, and how they leave."""

from __future__ import annotations

import string
import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from auth.policy import Role
from billing.paper.writing import LANGUAGES
from gateway.letters import posting, writing
from gateway.letters.posting import Folder, Post, Smtp
from gateway.letters.tables import Letter
from gateway.letters.writing import FOLDER, PATHS, written
from kernel import ids
from tests.gateway.mailing import MailServer, mail_server
from tests.graph.asking import work_off
from tests.scenery import Scene

SENDER, APP = "Acme Billing <billing@acme.test>", "https://app.acme.test"
TOKEN = "sgi_" + "a" * 43
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOLD: dict[str, dict[str, Any]] = {
    "invitation": {
        "inviter": "Ines",
        "workspace": "Acme",
        "role": "member",
        "email": "new@acme.test",
        "until": {"instant": NOW.isoformat()},
    },
    "break_glass": {"person": "ines@acme.test", "workspace": "Acme", "at": {"instant": NOW.isoformat()}},
    "invoice": {
        "number": "INV-2026-7",
        "total": {"minor": 123_450, "currency": "EUR"},
        "due": {"day": NOW.isoformat()},
    },
    "receipt": {"number": "INV-2026-7", "paid": {"minor": 5_000, "currency": "JPY"}},
    "reminder": {"number": "INV-2026-7", "owed": {"minor": 1, "currency": "USD"}},
    "expiring": {"brand": "Visa", "last4": "4242", "month": {"month": "2027-04"}},
    "revoked": {"last4": "3000"},
    "fraud_warned": {"customer": "Acme", "amount": {"minor": 4_000, "currency": "USD"}},
    "disputed": {
        "customer": "Acme",
        "amount": {"minor": 4_000, "currency": "USD"},
        "until": {"instant": NOW.isoformat()},
    },
    "domain_lost": {"domain": "acme.test", "workspace": "Acme"},
    "certificate_expiring": {"connection": "Okta", "workspace": "Acme", "until": {"instant": NOW.isoformat()}},
    "certificate_announced": {"connection": "Okta", "workspace": "Acme", "fingerprint": "3f" * 32},
    "seat_requested": {
        "email": "new@acme.test",
        "plan": {"names": {"en": "Pro", "de": "Profi"}},
        "workspace": "Acme",
        "until": {"instant": NOW.isoformat()},
    },
    "seat_approved": {"email": "new@acme.test", "plan": {"names": {"en": "Pro"}}, "workspace": "Acme"},
    "seat_declined": {
        "email": "new@acme.test",
        "plan": {"names": {"en": "Pro"}},
        "workspace": "Acme",
        "reason": "Not this year.",
    },
    "join_asked": {"email": "new@acme.test", "workspace": "Acme", "until": {"instant": NOW.isoformat()}},
    "join_approved": {"workspace": "Acme"},
    "join_declined": {"workspace": "Acme", "reason": "Not this year."},
    "seat_unused": {"plan": {"names": {"en": "Pro"}}, "workspace": "Acme", "at": {"instant": NOW.isoformat()}},
    "seat_reclaimed": {"plan": {"names": {"en": "Pro", "de": "Profi"}}, "workspace": "Acme"},
    "pool_grown": {"pool": "Seats", "workspace": "Acme", "seats": "12"},
    "decrease_kept": {
        "pool": "Seats",
        "workspace": "Acme",
        "seats": "5",
        "taken": "8",
        "too_many": "3",
        "at": {"instant": NOW.isoformat()},
    },
    "decrease_releases": {
        "pool": "Seats",
        "workspace": "Acme",
        "seats": "5",
        "taken": "8",
        "too_many": "3",
        "at": {"instant": NOW.isoformat()},
    },
    "seat_gone": {"plan": {"names": {"en": "Pro", "de": "Profi"}}, "workspace": "Acme"},
    "seats_reclaimed": {"workspace": "Acme", "until": {"instant": NOW.isoformat()}},
    "seats_ended": {
        "plan": {"names": {"en": "Pro", "de": "Profi"}},
        "workspace": "Acme",
        "until": {"instant": NOW.isoformat()},
    },
    "access_taken": {"plan": {"names": {"en": "Pro", "de": "Profi"}}},
}
LETTERS = (
    "select kind, address, about, posted_at, next_at, tries, failure from letter where account_id = $1 order by id"
)


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_server() as made:
        yield made


def office(mail: MailServer) -> Post:
    return Post(Smtp(mail.address, insists_on_tls=False), SENDER, APP)


def letter(kind: str = "invitation", locale: str = "en", **told: Any) -> Letter:
    """A letter that nobody sends."""
    return Letter(
        account_id=1,
        id=7,
        kind=kind,
        about="inv_1/2",
        address="ada@acme.test",
        locale=locale,
        time_zone="Europe/Berlin",
        told={**TOLD[kind], **told},
        created_at=NOW,
    )


def parts(message: EmailMessage) -> tuple[str, str]:
    """The plain text of a message, and its page."""
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    return plain.get_content(), page.get_content()


async def invite(scene: Scene, email: str) -> None:
    await scene.world.change("inviteMember", scene.owner, workspace=scene.id, email=email)


# How they are written


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", sorted(PATHS))
def test_every_letter_is_written_in_every_language(kind: str, language: str) -> None:
    message = written(letter(kind, language), SENDER, APP, TOKEN if kind == "invitation" else "")

    text, page = parts(message)
    assert message["Content-Language"] == language
    assert "{" not in message["Subject"] + text
    assert f"{APP}{PATHS[kind].format(about='inv_1', token=TOKEN)}" in text
    assert f'href="{APP}' in page
    assert message["Message-ID"].endswith("@acme.test>")


def test_the_files_of_words_say_the_same_things() -> None:
    said = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.toml")}

    def places(words: dict[str, Any]) -> dict[str, set[str | None]]:
        return {
            kind: {
                name
                for text in [words[kind]["subject"], *words[kind]["text"], words[kind]["button"]]
                for _, name, _, _ in string.Formatter().parse(text)
                if name
            }
            for kind in PATHS
        }

    assert set(said) == LANGUAGES
    assert {language: places(words) for language, words in said.items()} == {
        language: places(said["en"]) for language in said
    }
    assert {language: set(words["roles"]) for language, words in said.items()} == {
        language: set(Role) for language in said
    }


def test_amounts_dates_and_names_are_the_readers() -> None:
    german, _ = parts(written(letter("invoice", "de-AT"), SENDER, APP))
    japanese, _ = parts(written(letter("receipt", "ja"), SENDER, APP))
    month, _ = parts(written(letter("expiring", "fr"), SENDER, APP))

    assert "1.234,50" in german
    assert "1. März 2026" in german
    assert "5,000" in japanese
    assert "avril 2027" in month
    assert written(letter("access_taken", "de"), SENDER, APP)["Subject"].startswith("Profi ruht")


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "A\r\nBcc: all@acme.test", "{email}", "x" * 5_000, "\u202eevil", "\0"]
)
def test_what_people_call_themselves_does_no_harm(name: str) -> None:
    message = written(letter(inviter=name), SENDER, APP)

    text, page = parts(message)
    assert message["Bcc"] is None
    assert "<script" not in page
    assert "\u202e" not in text
    assert len(message["Subject"]) < 1_000
    assert ("{email}" in text) is (name == "{email}")


# Who gets them


async def test_whoever_is_invited_is_told_in_their_language(workspace: Scene, mail: MailServer) -> None:
    world = workspace.world
    known = await world.person("vera")
    await world.run("update person set locale = 'de' where id = $1", known.number)
    await invite(workspace, known.email)
    await invite(workspace, "nobody.yet@example.test")

    await work_off(world, post=office(mail))

    ours = [one for one in mail.arrived if one["To"] in {known.email, "nobody.yet@example.test"}]
    assert {one["To"]: one["Content-Language"] for one in ours} == {known.email: "de", "nobody.yet@example.test": "en"}
    assert {one["From"] for one in ours} == {SENDER}
    assert all(row["posted_at"] and row["next_at"] is None for row in await world.rows(LETTERS, workspace.number))


async def test_an_event_that_is_told_again_writes_no_second_letter(workspace: Scene, mail: MailServer) -> None:
    world = workspace.world
    await invite(workspace, "once@example.test")
    await work_off(world, post=office(mail))

    await world.run("update outbox set delivered_at = null where account_id = $1", workspace.number)
    await work_off(world, post=office(mail))

    assert len([one for one in mail.arrived if one["To"] == "once@example.test"]) == 1


async def test_an_invitation_that_was_taken_back_before_is_not_told(workspace: Scene, mail: MailServer) -> None:
    world = workspace.world
    sent = await world.change(
        "inviteMember", workspace.owner, shows_="... on Invitation { id }", workspace=workspace.id, email="a@b.test"
    )
    await world.change("revokeInvitation", workspace.owner, invitation=sent.data["inviteMember"]["id"])

    await work_off(world, post=office(mail))

    assert await world.rows(LETTERS, workspace.number) == []


async def test_everybody_with_an_admins_role_hears_that_the_glass_was_broken(
    workspace: Scene, mail: MailServer
) -> None:
    world = workspace.world
    _, secret = await workspace.glass()
    await world.change("openBreakGlass", workspace.owner, workspace=workspace.id, code=await workspace.app_code(secret))

    await work_off(world, post=office(mail))

    told = [row["address"] for row in await world.rows(LETTERS, workspace.number) if row["kind"] == "break_glass"]
    admins = (Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN, Role.BILLING_ADMIN)
    assert sorted(told) == sorted(workspace.members[role].email for role in admins)


@pytest.mark.parametrize(("age", "letters"), [(timedelta(days=2), 1), (timedelta(days=4), 0)])
async def test_a_receipt_is_for_what_was_paid_lately(
    workspace: Scene, mail: MailServer, age: timedelta, letters: int
) -> None:
    world = workspace.world
    invoice = await workspace.invoice()
    await world.run(
        "update invoice set state = 'paid', paid_minor = total_minor, paid_at = $2 where id = $1",
        ids.decode("inv", invoice),
        await world.now() - age,
    )
    await world.run(
        "insert into outbox (id, account_id, at, name, payload, request_id)"
        " values ($1, $2, now(), 'invoice.paid', jsonb_build_object('invoice', $3::bigint), 'r')",
        world.number(),
        workspace.number,
        ids.decode("inv", invoice),
    )

    await work_off(world, post=office(mail))

    assert [row["kind"] for row in await world.rows(LETTERS, workspace.number)] == ["receipt"] * letters


# How they leave


async def test_what_the_server_refuses_for_good_is_given_up_and_says_why(workspace: Scene, mail: MailServer) -> None:
    mail.says = "550 No such mailbox: somebody@secret.example"
    await invite(workspace, "gone@example.test")

    await work_off(workspace.world, post=office(mail))

    (row,) = await workspace.world.rows(LETTERS, workspace.number)
    assert (row["next_at"], row["posted_at"], row["tries"]) == (None, None, 1)
    assert row["failure"] == "The mail server answered 550."


async def test_what_fails_for_now_is_tried_again_and_arrives_once(workspace: Scene, mail: MailServer) -> None:
    world = workspace.world
    mail.says = "451 Later."
    await invite(workspace, "later@example.test")
    await work_off(world, post=office(mail))
    mail.says = "250 Taken."

    await work_off(world, post=office(mail))
    early = [one["To"] for one in mail.arrived]
    await work_off(world, post=office(mail), later=timedelta(minutes=2))

    (row,) = await world.rows(LETTERS, workspace.number)
    assert "later@example.test" not in early
    assert [one["To"] for one in mail.arrived].count("later@example.test") == 1
    assert (row["tries"], row["failure"]) == (2, None)


async def test_a_server_that_is_away_loses_nothing_and_old_letters_are_given_up(workspace: Scene) -> None:
    world = workspace.world
    away = Post(Smtp("smtp://127.0.0.1:9", insists_on_tls=False), SENDER, APP)
    await invite(workspace, "away@example.test")

    await work_off(world, post=away)
    (waiting,) = await world.rows(LETTERS, workspace.number)
    await work_off(world, post=away, later=posting.GIVEN_UP + timedelta(hours=1))
    (over,) = await world.rows(LETTERS, workspace.number)

    assert waiting["next_at"] is not None
    assert over["next_at"] is None
    assert over["posted_at"] is None


async def test_in_development_letters_are_files(workspace: Scene, tmp_path: Path) -> None:
    await invite(workspace, "read.me@example.test")

    await work_off(workspace.world, post=Post(Folder(tmp_path / "letters"), SENDER, APP))

    found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in (tmp_path / "letters").iterdir()]
    assert [one for one in found if one["To"] == "read.me@example.test"]


async def test_letters_wait_where_nothing_posts_them(workspace: Scene) -> None:
    await invite(workspace, "waits@example.test")

    await work_off(workspace.world)

    (row,) = await workspace.world.rows(LETTERS, workspace.number)
    assert (row["tries"], row["posted_at"]) == (0, None)


def test_each_try_waits_longer_up_to_four_hours() -> None:
    waits = [posting.wait(tries) for tries in range(1, 30)]

    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert max(waits) == timedelta(hours=4)
    assert writing.FOLDER.is_dir()
