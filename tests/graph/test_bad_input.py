"""Bad input: whatever comes through the front door is answered clearly, quickly, and with nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import perf_counter
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, get_named_type
from hypothesis import given, settings
from hypothesis import strategies as st

import schema
from auth import keys
from gateway.app import BODY
from kernel import ids
from resolvers.graph import BY_PREFIX
from tests.auth.forging import rsa_key, signed
from tests.graph.asking import told
from tests.graph.attempts import ATTEMPTS, mutations, whoever_may
from tests.graph.crowd import evidence
from tests.scene import HOUR
from tests.scenery import Reply, Scene, World

PROMPT = 15
"""Seconds in which everything wrong is answered, on a busy machine."""

RESPONSE = {"accept": "application/graphql-response+json", "content-type": "application/json"}


@pytest.fixture(scope="module")
async def workspace(world: World) -> Scene:
    """One workspace for all of it: what is refused leaves no trace."""
    return await world.workspace()


@pytest.fixture(autouse=True)
async def untouched(workspace: Scene) -> Any:
    """After whatever a test sent, the application answers, promptly all in all."""
    start = perf_counter()
    yield
    took = perf_counter() - start
    assert (await workspace.world.ask("{ viewer { kind } }", workspace.owner)).data == {"viewer": {"kind": "person"}}
    assert took < PROMPT


async def send(world: World, body: bytes, **headers: str) -> Reply:
    """The reply to raw bytes."""
    response = await world.client.post("/graphql", content=body, headers=RESPONSE | headers)
    return Reply(response.status_code, response.json())


# Bodies

MALFORMED = {
    "nothing": b"",
    "half an object": b'{"query": "{ viewer { kind } }"',
    "a batch": b'[{"query": "{ __typename }"}]',
    "a text": b'"{ __typename }"',
    "null": b"null",
    "no query": b"{}",
    "a number for a query": b'{"query": 1}',
    "a list for variables": b'{"query": "{ __typename }", "variables": []}',
    "a number for a name": b'{"query": "{ __typename }", "operationName": 1}',
    "bytes that are no UTF-8": b'{"query": "\xff\xfe"}',
    "half a surrogate pair": rb'{"query": "{ plan(key: $k) { id } }", "variables": {"k": "\ud800"}}',
    "half a pair in the document": rb'{"query": "{ plan(key: \"\\ud800\") { id } }"}',
    "not a number": b'{"query": "{ __typename }", "variables": {"a": NaN}}',
    "a NUL byte": b'{"query": "{ __typename }\x00"}',
    "depth": b'{"query": "mutation { __typename }", "variables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "depth of objects": b'{"query": "mutation { __typename }", "variables": '
    + b'{"a":' * 50_000
    + b"1"
    + b"}" * 50_001,
    "no document": b'{"query": ""}',
    "a document that breaks off": b'{"query": "{ viewer {"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_request_is_said_to_be_none(world: World, body: bytes) -> None:
    reply = await send(world, body)

    assert (reply.status, reply.code) == (400, "INVALID_INPUT")


async def test_a_body_over_the_limit_is_not_read(world: World) -> None:
    reply = await send(world, b" " * (BODY + 1))

    assert (reply.status, reply.code) == (413, "TOO_COMPLEX")


# Documents

DOCUMENTS = {
    "a field that is none": ("{ nope }", "INVALID_INPUT"),
    "an argument that is none": ('{ plan(name: "x") { id } }', "INVALID_INPUT"),
    "a type that is none": ("query($x: Nope) { __typename }", "INVALID_INPUT"),
    "an enumeration's value that is none": ("{ invoices(filter: {state: [GONE]}) { totalCount } }", "INVALID_INPUT"),
    "a mutation without its input": ("mutation { assignSeat { __typename } }", "INVALID_INPUT"),
    "a subscription": ("subscription { ticks }", "INVALID_INPUT"),
    "two operations and no name": ("query A { __typename } query B { __typename }", "INVALID_INPUT"),
    "five thousand aliases": ("{" + " ".join(f"a{n}: __typename" for n in range(5_000)) + "}", "TOO_COMPLEX"),
    "a hundred levels": ("{ viewer " + "{ person " * 100 + "{ id }" + "}" * 101, "TOO_COMPLEX"),
    "a fragment within itself": ("query { ...A } fragment A on Query { ...A }", "INVALID_INPUT"),
    "a long literal": ('{ plan(key: "' + "a" * 100_000 + '") { id } }', "TOO_COMPLEX"),
}


@pytest.mark.parametrize(("document", "code"), DOCUMENTS.values(), ids=DOCUMENTS)
async def test_a_document_that_can_not_be_is_refused(workspace: Scene, document: str, code: str) -> None:
    reply = await workspace.world.ask(document, workspace.owner)

    assert reply.status == 422
    assert set(reply.codes) == {code}


# Bearers


async def bearers(scene: Scene) -> dict[str, str]:
    """Bearers of which nothing may be believed."""
    world, owner = scene.world, scene.owner
    now = await world.now()
    true = owner.bearer
    head, claims, seal = true.split(".")
    return {
        "expired": world.bearer(owner.number, owner.session_number, now - 2 * HOUR),
        "of tomorrow": world.bearer(owner.number, owner.session_number, now + 24 * HOUR),
        "of a session that is none": world.bearer(owner.number, world.number(), now),
        "of somebody else's session": world.bearer(owner.number, (await world.person()).session_number, now),
        "of a person who is none": world.bearer(world.number(), owner.session_number, now),
        "with other claims": f"{head}.{claims[:-4]}AAAA.{seal}",
        "without a seal": f"{head}.{claims}.",
        "cut": true[:-10],
        "sealed by somebody else": signed(
            {"alg": "RS256", "typ": "at+jwt"}, {"sub": owner.id}, rsa_key("somebody else")
        ),
        "unsigned": "eyJhbGciOiJub25lIn0." + claims + ".",
        "a key that is none": keys.mint(ids.encode("key", world.number())).text,
        "long": "a" * 100_000,
        "nothing": "",
        "nonsense": "💥".encode().decode("latin-1"),
    }


async def test_a_bearer_that_is_not_believed_is_unauthenticated(workspace: Scene) -> None:
    codes = {}
    for name, bearer in (await bearers(workspace)).items():
        response = await workspace.world.client.post(
            "/graphql",
            json={"query": "{ viewer { kind } }"},
            headers=[(k.encode(), v.encode()) for k, v in RESPONSE.items()]
            + [(b"authorization", f"Bearer {bearer}".encode("latin-1"))],
        )
        codes[name] = (response.status_code, response.json()["errors"][0]["extensions"]["code"])
        assert response.headers["www-authenticate"].startswith("Bearer")

    assert set(codes.values()) == {(401, "UNAUTHENTICATED")}, codes


# Ids


async def test_an_id_of_another_kind_is_named_as_such(workspace: Scene) -> None:
    seat = await workspace.seat(await workspace.pool(1), workspace.owner)

    reply = await told(workspace, "revokeInvitation", invitation=seat)

    assert reply.code == "INVALID_INPUT"
    says = "This id starts with 'seat_'; one that starts with 'invitation_' is wanted here."
    assert reply.json["errors"][0]["message"] == says


IDS = [
    "",
    "x",
    "1",
    "seat_",
    "seat_1",
    "seat-0000000000000",
    "SEAT_0000000000000",
    "seat_000000000000g",
    "seat_00000000000000",
    "nope_0000000000000",
    "seat_0000000000000\n",
    "seat_0000000000000\x00",
    "sëat_0000000000000",
    "' or true --",
]


@pytest.mark.parametrize("text", [*IDS, "a" * 100_000], ids=lambda text: repr(text[:24]))
async def test_an_id_that_can_not_be_is_refused(workspace: Scene, text: str) -> None:
    before = await evidence(workspace)

    replies = [
        await told(workspace, "releaseSeat", seat=text),
        await workspace.world.ask("query($id: ID!) { node(id: $id) { id } }", workspace.owner, id=text),
    ]

    assert [reply.code for reply in replies] == ["INVALID_INPUT"] * 2
    assert await evidence(workspace) == before


@pytest.mark.parametrize("prefix", sorted(BY_PREFIX))
async def test_an_id_of_nothing_finds_nothing(workspace: Scene, prefix: str) -> None:
    found = [ids.encode(prefix, number) for number in (0, 2**52 - 1)]

    reply = await workspace.world.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", workspace.owner, ids=found)

    assert reply.data == {"nodes": [None, None]}


# Values


class Spot(NamedTuple):
    """A place in a mutation's input where a text goes."""

    mutation: str
    field: str
    many: bool
    listed: bool
    """Whether each text of a list has an outcome of its own."""


def spots() -> Iterator[Spot]:
    kinds = schema.graph()._schema.type_map
    for name in mutations():
        kind = kinds[f"{name[0].upper()}{name[1:]}Input"]
        assert isinstance(kind, GraphQLInputObjectType)
        for field, taken in kind.fields.items():
            if get_named_type(taken.type).name in {"String", "ID"}:
                many = isinstance(getattr(taken.type, "of_type", None), GraphQLList)
                yield Spot(name, field, many, many and get_named_type(taken.type).name == "String")


async def put(scene: Scene, spot: Spot, value: Any) -> Reply:
    """A request that is right but for one text."""
    input_ = await ATTEMPTS[spot.mutation](scene, "owner")
    input_[spot.field] = [value] if spot.many else value
    who = await whoever_may(scene, spot.mutation)
    before = await evidence(scene)

    reply = await scene.world.change(
        spot.mutation, who, shows_=mutations()[spot.mutation], reason_="Because.", **input_
    )

    if reply.code:
        assert await evidence(scene) == before
    return reply


SPOTS = list(spots())


@pytest.mark.parametrize("spot", SPOTS, ids=lambda spot: f"{spot.mutation}.{spot.field}")
@pytest.mark.parametrize("text", ["a\x00b", "\x00", "a" * 1_000_000], ids=["NUL inside", "NUL", "a million letters"])
async def test_a_text_that_can_not_be_stored_is_refused(workspace: Scene, spot: Spot, text: str) -> None:
    reply = await put(workspace, spot, text)

    if spot.listed:
        assert reply.codes == []
    else:
        assert reply.code == "INVALID_INPUT"


INSTANTS = ["today", "2026-01-31", "2026-01-31T00:00:00", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z", 0, "", None]
INSTANTS += ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "9" * 1_000, [], {}, True, "2026-01-31T00:00:00\x00Z"]


@pytest.mark.parametrize("instant", INSTANTS, ids=lambda value: repr(value)[:20])
async def test_an_instant_that_can_not_be_is_refused(workspace: Scene, instant: Any) -> None:
    document = "query($id: ID!, $at: Instant!) { workspace(id: $id) { seats(filter: {since: $at}) { totalCount } } }"

    reply = await workspace.world.ask(document, workspace.owner, id=workspace.id, at=instant)

    assert (reply.status, reply.code) == (422, "INVALID_INPUT")


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_an_instant_at_the_edge_of_time_is_no_accident(workspace: Scene, instant: str) -> None:
    document = "query($id: ID!, $at: Instant!) { workspace(id: $id) { seats(filter: {since: $at}) { totalCount } } }"

    reply = await workspace.world.ask(document, workspace.owner, id=workspace.id, at=instant)

    assert reply.code == "INVALID_INPUT"


NUMBERS = ["2147483648", "-2147483649", "1" + "0" * 400, "1e400", "1.5", '"5"', "true", "null", "[]", "-1e-400"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:20])
async def test_a_number_that_can_not_be_is_refused(workspace: Scene, number: str) -> None:
    before = await evidence(workspace)
    document = "mutation($w: ID!, $p: ID!, $n: Int!) { createLicensePool(input: {workspace: $w, price: $p, seats: $n})"
    asked = {"w": workspace.id, "p": workspace.world.catalog.team.price, "n": 5}
    body = json.dumps({"query": document + " { __typename } }", "variables": asked})

    response = await workspace.world.client.post(
        "/graphql",
        content=body.replace('"n": 5', f'"n": {number}'),
        headers=RESPONSE | {"authorization": f"Bearer {workspace.owner.bearer}"},
    )

    assert response.status_code in {400, 422, 294}
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["INVALID_INPUT"]
    assert await evidence(workspace) == before


NUMBER = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBER | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", sorted(ATTEMPTS))
@settings(max_examples=6, deadline=None, database=None)
@given(choice=st.data())
async def test_nothing_a_client_sends_is_our_mistake(workspace: Scene, name: str, choice: st.DataObject) -> None:
    who, right = await whoever_may(workspace, name), await ATTEMPTS[name](workspace, "owner")
    wrong = choice.draw(st.dictionaries(st.sampled_from([*right, "idempotencyKey", "nope"]), ANYTHING, min_size=1))
    try:
        body = json.dumps(right | wrong).encode()
    except UnicodeEncodeError:
        return

    reply = await send(
        workspace.world,
        b'{"query": "mutation($input: %sInput!) { %s(input: $input) { __typename } }", "variables": {"input": %s}}'
        % (f"{name[0].upper()}{name[1:]}".encode(), name.encode(), body),
        authorization=f"Bearer {who.bearer}",
    )

    assert reply.status in {200, 294, 400, 422}
    assert set(reply.codes) <= {"INVALID_INPUT", "NOT_FOUND", "CONFLICT", "FORBIDDEN"}


async def test_a_page_of_html_is_no_question(world: World) -> None:
    response = await world.client.post("/graphql", content=b"<html>", headers={"content-type": "text/html"})

    assert response.status_code == 415
    assert response.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
