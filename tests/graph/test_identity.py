"""Who somebody is: believed as long as the database says so, and not a request longer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from auth import keys
from auth.policy import Desk, Role
from auth.refusal import SENTENCE
from auth.tokens import Claim, Signer, generate, private_key
from kernel import ids
from tests.auth.forging import hmac_signed, rsa_key, signed, unsigned
from tests.graph.deeds import ME, accepts, refused, removes, renames, turns
from tests.scenery import AUDIENCE, ISSUER, KID, Asker, Reply, Scene, Somebody, World

# A token that is out already


async def test_a_demotion_acts_on_a_token_that_is_out(workspace: Scene) -> None:
    admin = workspace.members[Role.ADMIN]

    before = await renames(workspace, admin)
    demoted = await turns(workspace, workspace.owner, admin, Role.MEMBER)
    after = await renames(workspace, admin)
    removed = await removes(workspace, workspace.owner, admin)

    assert (before, demoted, after, removed) == ("done", "done", "FORBIDDEN", "done")
    assert await renames(workspace, admin) == "NOT_FOUND"


async def test_a_promotion_acts_on_a_token_that_is_out(workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]

    assert await renames(workspace, member) == "FORBIDDEN"
    assert await turns(workspace, workspace.owner, member, Role.ADMIN) == "done"
    assert await renames(workspace, member) == "done"


async def test_a_desk_given_and_taken_acts_at_once(workspace: Scene) -> None:
    person = await workspace.world.person()

    before = await renames(workspace, person, "A ticket.")
    await workspace.world.run("insert into staff values ($1, $2)", person.number, Desk.ADMIN)
    during = await renames(workspace, person, "A ticket.")
    await workspace.world.run("delete from staff where person_id = $1", person.number)

    assert (before, during, await renames(workspace, person, "A ticket.")) == ("NOT_FOUND", "done", "NOT_FOUND")


@pytest.mark.parametrize(
    "change",
    [
        "update session set ended_at = now() where person_id = $1",
        "update session set expires_at = created_at where person_id = $1",
        "update person set epoch = epoch + 1 where id = $1",
        "delete from session where person_id = $1",
    ],
)
async def test_an_ended_session_and_a_raised_epoch_end_a_token_that_is_out(change: str, world: World) -> None:
    person = await world.person()
    before = await world.ask(ME, person)

    await world.run(change, person.number)

    assert before.data["viewer"]["person"]["id"] == person.id
    assert refused(await world.ask(ME, person))


async def test_a_token_names_a_session_of_its_own_person(world: World) -> None:
    victim, thief = await world.people(["victim", "thief"])

    mixed = world.bearer(victim.number, thief.session_number, await world.now())

    assert refused(await world.ask(ME, mixed))


async def test_a_token_of_a_later_epoch_is_not_one_of_ours_yet(world: World) -> None:
    person = await world.person()

    early = world.bearer(person.number, person.session_number, await world.now(), epoch=1)

    assert refused(await world.ask(ME, early))


# Forged


async def _forgeries(world: World, person: Somebody) -> dict[str, str]:
    now = await world.now()
    claim = Claim(person.id, ids.encode("session", person.session_number), 0)
    begins = int(now.timestamp())
    said: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "iat": begins, "exp": begins + 300}
    header, body, signature = person.bearer.split(".")
    known = {"alg": "RS256", "kid": KID, "typ": "at+jwt"}
    minted = keys.mint(ids.encode("key", world.number())).text
    return {
        "of another key": Signer("seatgraph", "seatgraph", private_key(generate())).sign(claim, now),
        "for somebody else": Signer("seatgraph", "else", world.signer.signing).sign(claim, now),
        "of somebody else": Signer("else", "seatgraph", world.signer.signing).sign(claim, now),
        "expired": world.signer.sign(claim, now - timedelta(hours=2)),
        "of tomorrow": world.signer.sign(claim, now + timedelta(days=1)),
        "unsigned": f"{header}.{body}.",
        "cut": person.bearer[:-2],
        "without an algorithm": unsigned({"alg": "none", "typ": "at+jwt"}, said) + ".",
        "with a shared secret": hmac_signed({"alg": "HS256", "kid": KID}, said, b"secret"),
        "another body under our signature": f"{header}.{body[:-2]}AA.{signature}",
        "nonsense": "nonsense",
        "of an issuer nobody knows": signed(known, {**said, "iss": "https://evil.example"}, rsa_key(KID)),
        "of a key the issuer has not": signed({**known, "kid": "two"}, said, rsa_key("two")),
        "of a key that goes by another's name": signed(known, said, rsa_key("two")),
        "of the issuer for somebody else": signed(known, {**said, "aud": "else"}, rsa_key(KID)),
        "of the issuer and expired": signed(known, {**said, "exp": begins - 600}, rsa_key(KID)),
        "a key that nobody made": minted,
        "a key that was mistyped": minted[:-1] + ("A" if minted[-1] != "A" else "B"),
        "a key without a secret": "sgk_key_0000000000000",
    }


async def test_every_forgery_is_answered_with_the_same_sentence(world: World) -> None:
    person = await world.person()

    forged = await _forgeries(world, person)
    responses = {name: await world.post({"query": ME}, bearer) for name, bearer in forged.items()}

    assert {
        name: Reply(response.status_code, response.json()) for name, response in responses.items()
    } == dict.fromkeys(
        forged, Reply(401, {"errors": [{"message": SENTENCE, "extensions": {"code": "UNAUTHENTICATED"}}]})
    )
    challenges = {response.headers["www-authenticate"] for response in responses.values()}
    assert challenges == {'Bearer error="invalid_token"'}


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "", "Token abc"])
async def test_another_way_to_authenticate_is_refused_and_not_taken_for_nobody(header: str, world: World) -> None:
    headers = {"authorization": header, "accept": "application/json"}
    response = await world.post({"query": "{ plans { key } }"}, headers_=headers)

    assert (response.status_code, response.json()["errors"][0]["message"]) == (401, SENTENCE)
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_nobody_is_told_to_sign_in(world: World) -> None:
    reply = await world.ask(ME)

    assert (reply.code, reply.json["data"]) == ("UNAUTHENTICATED", None)


# Somebody else's token


async def test_an_issuers_token_signs_a_person_up_once(world: World) -> None:
    subject = f"s-{world.number()}"
    bearer = await world.foreign_bearer(subject, email=f"{subject}@example.test", email_verified=True, name="Ada")

    first = await world.ask(ME, bearer)
    again = await world.ask(ME, await world.foreign_bearer(subject, email="else@example.test", email_verified=True))

    assert first.data == again.data
    assert first.data["viewer"]["person"] == {
        "id": first.data["viewer"]["person"]["id"],
        "email": f"{subject}@example.test",
        "emailVerified": True,
    }


async def test_two_requests_at_once_sign_up_one_person(world: World) -> None:
    subject = f"s-{world.number()}"
    bearer = await world.foreign_bearer(subject)

    replies = await asyncio.gather(*(world.ask(ME, bearer) for _ in range(8)))

    assert len({reply.data["viewer"]["person"]["id"] for reply in replies}) == 1
    number = ids.decode("person", replies[0].data["viewer"]["person"]["id"])
    made = await world.rows(
        "select (select count(*) from identity where subject = $1) as identities,"
        " (select count(*) from account where person_id = $2) as accounts,"
        " (select array_agg(action || ' by ' || actor || ' ' || r.person_id) from audit_record r"
        "  join account a on a.id = r.account_id where a.person_id = $2) as records",
        subject,
        number,
    )
    assert tuple(made[0]) == (1, 1, [f"account.opened by person {number}"])


async def test_two_subjects_with_one_address_are_two_persons(world: World) -> None:
    email = f"shared.{world.number()}@example.test"
    found = [
        (await world.ask(ME, await world.foreign_bearer(subject, email=email, email_verified=True))).data["viewer"]
        for subject in (f"s-{world.number()}", f"s-{world.number()}")
    ]

    assert found[0]["person"]["id"] != found[1]["person"]["id"]
    assert found[0]["account"]["id"] != found[1]["account"]["id"]


async def test_an_address_that_nobody_verified_opens_no_invitation(workspace: Scene) -> None:
    world, email = workspace.world, f"asked.{workspace.number:x}@example.test"
    letter = await workspace.invitation(email)
    unverified = await world.person(email=email, verified=False)
    subject = f"s-{world.number()}"
    claimed = [
        await world.foreign_bearer(
            f"{subject}-{word}", email=email, **({} if word is None else {"email_verified": word})
        )
        for word in (None, False, "true", 1)
    ]
    askers: list[Asker] = [unverified, *claimed]

    lists = [await world.ask("{ viewer { invitations { totalCount } } }", asker) for asker in askers]

    assert [found.data["viewer"]["invitations"]["totalCount"] for found in lists] == [0] * 5
    assert [await accepts(workspace, asker, letter) for asker in askers] == ["NOT_FOUND"] * 5
