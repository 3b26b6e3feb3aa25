"""Scenes: what they say is there afterwards, or a sentence says why not and nothing is."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from auth import keys
from gateway import seeding, verification
from gateway.scenes import Scene, SceneInvalid, load, read, read_file
from kernel import database, ids
from tests.databases import own_database

DOCS = Path(__file__).parents[2] / "docs" / "scenes.md"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MARCH = "2026-03-01T00:00:00Z"
_names = count(1)

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def url(server: str) -> AsyncIterator[str]:
    async with own_database(server, "scenes") as own:
        await seeding.stocked(own, NOW)
        yield own


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    async with database.connected(url) as connected:
        yield connected


def an_email() -> str:
    return f"somebody{next(_names)}@scenes.example"


def a_workspace(**told: Any) -> Json:
    return {"name": f"Workspace {next(_names)}", "owner": an_email(), "created": "-90d", **told}


def a_pool(seats: int = 5, **told: Any) -> Json:
    return {"plan": "enterprise_max", "seats": seats, "started": MARCH, **told}


async def put_on(url: str, *, people: list[Json] | None = None, workspaces: list[Json] | None = None) -> dict[str, str]:
    scene = Scene.model_validate({"people": people or [], "workspaces": workspaces or []})
    return await load(url, scene, NOW)


# As documented


async def test_the_documented_example_is_put_on_and_every_invariant_holds(
    fresh_database_url: str, tmp_path: Path
) -> None:
    example = re.search(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    file = tmp_path / "scene.json"
    file.write_text(example[1])

    names = await seeding.scene(fresh_database_url, file, NOW)

    assert {name for name in names if name.startswith("Harbor Press/pools/")} == {
        "Harbor Press/pools/Editors",
        *(
            f"Harbor Press/pools/Editors/{name}@harbor.example"
            for name in ("rui", "tom", "lin", "omar", "may", "new", "zoe")
        ),
    }
    assert names["ada@example.com"].startswith("person_")
    report = await verification.report(fresh_database_url)
    assert [check for check in report["checks"] if check["broken"]] == []


def test_every_key_of_the_form_is_documented() -> None:
    written = set(re.findall(r"`(\w+)`|\"(\w+)\":", DOCS.read_text()))
    documented = {name for pair in written for name in pair}

    assert _keys(Scene.model_json_schema()) - documented == set()


def _keys(schema: Any) -> set[str]:
    forms = [schema, *schema["$defs"].values()]
    return {key for form in forms for key in form.get("properties", {})}


# Loading


async def test_a_scene_that_is_there_changes_nothing(url: str) -> None:
    person = {"email": an_email(), "name": "First", "subscriptions": [{"plan": "pro"}], "keys": [_a_key("Backup")]}
    workspace = a_workspace(pools=[a_pool(seated=[{"email": an_email()}])])
    first = await put_on(url, people=[person], workspaces=[workspace])
    before = (await verification.report(url))["counted"]

    second = await put_on(url, people=[{**person, "name": "Second"}], workspaces=[workspace])

    assert second == {name: public for name, public in first.items() if not name.endswith("/secret")}
    assert (await verification.report(url))["counted"] == before


async def test_a_scene_that_fails_at_its_end_leaves_nothing_behind(url: str) -> None:
    before = (await verification.report(url))["counted"]
    full = a_workspace(pools=[a_pool(1, seated=[{"email": an_email()}, {"email": an_email()}])])

    with pytest.raises(SceneInvalid) as refused:
        await put_on(url, people=[{"email": an_email()}], workspaces=[a_workspace(), full])

    assert refused.value.problems == [
        "workspaces[1].pools[0].seated[1]: All 1 seats are taken. Release one, or buy more."
    ]
    assert (await verification.report(url))["counted"] == before


async def test_somebody_who_was_there_before_can_own_a_workspace(url: str, connection: asyncpg.Connection) -> None:
    email = an_email()
    await put_on(url, people=[{"email": email, "name": "Known Before"}])

    names = await put_on(url, workspaces=[a_workspace(owner=email.upper())])

    assert ids.parse(names[email])[0] == "person"
    assert await connection.fetchval("select count(*) from person where email = $1", email) == 1


async def test_a_person_comes_as_the_scene_says(url: str, connection: asyncpg.Connection) -> None:
    email = an_email()
    told = {
        "email": email,
        "name": "Kim Lee",
        "verified": False,
        "locale": "ja",
        "time_zone": "Asia/Tokyo",
        "currency": "JPY",
        "country": "JP",
        "joined": "-30d",
        "staff": "finance",
        "identities": [{"issuer": "https://id.example", "subject": email}, {"issuer": "other", "subject": email}],
    }

    names = await put_on(url, people=[told])

    number = ids.decode("person", names[email])
    row = await connection.fetchrow(
        "select p.name, p.email_verified, p.locale, a.email, a.currency, a.country, a.time_zone, a.created_at, s.desk"
        " from person p join account a on a.person_id = p.id join staff s on s.person_id = p.id where p.id = $1",
        number,
    )
    issuers = await connection.fetch("select issuer from identity where person_id = $1 order by issuer", number)
    joined = NOW - timedelta(days=30)
    assert row is not None
    assert tuple(row) == ("Kim Lee", False, "ja", email, "JPY", "JP", "Asia/Tokyo", joined, "finance")
    assert [row["issuer"] for row in issuers] == ["https://id.example", "other"]


async def test_a_new_key_works_with_the_secret_of_the_answer(url: str, connection: asyncpg.Connection) -> None:
    email = an_email()

    names = await put_on(url, people=[{"email": email, "keys": [_a_key("Backup")]}])

    presented = keys.parse(names[f"{email}/keys/Backup/secret"])
    number = ids.decode("key", names[f"{email}/keys/Backup"])
    kept = await connection.fetchval("select hash from service_key where id = $1", number)
    assert keys.matches(presented, kept)


async def test_the_audit_follows_a_seat_through_its_states(url: str, connection: asyncpg.Connection) -> None:
    email, workspace = an_email(), a_workspace(name="Follow the seat")
    seat = {"email": email, "since": "-8d", "state": "invited"}
    letter = {"email": email, "state": "accepted", "sent": "-8d", "answered": "-6d"}
    workspace |= {"pools": [a_pool(seated=[{**seat, "state": "suspended", "until": "-2d"}])], "invitations": [letter]}

    names = await put_on(url, workspaces=[workspace])

    rows = await connection.fetch(
        "select action, at, before ->> 'state' as was, after ->> 'state' as became from audit_record"
        " where subject = 'seat' and subject_id = $1 order by seq",
        ids.decode("seat", names[f"Follow the seat/pools/Seats/{email}"]),
    )
    assert [tuple(row) for row in rows] == [
        ("seat.assigned", NOW - timedelta(days=8), None, "invited"),
        ("seat.activated", NOW - timedelta(days=6), "invited", "active"),
        ("seat.suspended", NOW - timedelta(days=2), "active", "suspended"),
    ]


# Money


async def test_seats_bought_in_mid_period_are_prorated(url: str, connection: asyncpg.Connection) -> None:
    half = "2026-02-15T00:00:00Z"
    pool = a_pool(10, started="2026-02-01T00:00:00Z", more=[{"at": half, "seats": 15}], billed={})

    names = await put_on(url, workspaces=[a_workspace(name="Prorated", country="GB", pools=[pool])])

    rows = await connection.fetch(
        "select l.description, l.quantity, l.above, l.amount_minor, l.tax_minor from line_item l"
        " join invoice i on i.account_id = l.account_id and i.id = l.invoice_id"
        " where l.account_id = $1 order by i.number",
        ids.decode("workspace", names["Prorated"]),
    )
    assert [tuple(row) for row in rows] == [
        ("Enterprise Max × 10", 10, None, 325_000, 65_000),  # noqa: RUF001 - as price lists write it
        ("Enterprise Max × 15", 15, 10, 81_250, 16_250),  # noqa: RUF001
        ("Enterprise Max × 15", 15, None, 487_500, 97_500),  # noqa: RUF001
    ]


async def test_an_inclusive_tax_is_taken_out_of_the_price(url: str, connection: asyncpg.Connection) -> None:
    email = an_email()
    bought = {"plan": "max", "currency": "JPY", "started": MARCH}

    names = await put_on(url, people=[{"email": email, "country": "JP", "subscriptions": [bought]}])

    row = await connection.fetchrow(
        "select subtotal_minor, tax_minor, total_minor, paid_minor from invoice where account_id = $1",
        ids.decode("account", names[f"{email}/account"]),
    )
    assert row is not None
    assert tuple(row) == (27_273, 2_727, 30_000, 30_000)


async def test_a_declined_invoice_that_stays_open_leaves_the_subscription_past_due(
    url: str, connection: asyncpg.Connection
) -> None:
    email = an_email()
    billed = {"unpaid_since": MARCH, "declined_since": MARCH}
    bought = {"plan": "max", "started": "2026-02-01T00:00:00Z", "billed": billed}

    names = await put_on(url, people=[{"email": email, "payment_methods": [{}], "subscriptions": [bought]}])

    account = ids.decode("account", names[f"{email}/account"])
    assert await _states(connection, "subscription", account) == ["past_due"]
    assert await _states(connection, "invoice", account) == ["paid", "open"]
    assert await _states(connection, "payment", account) == ["succeeded", "failed"]


async def test_a_declined_invoice_is_paid_a_day_later(url: str, connection: asyncpg.Connection) -> None:
    email = an_email()
    bought = {"plan": "max", "started": MARCH, "billed": {"declined_since": "-30d"}}

    names = await put_on(url, people=[{"email": email, "payment_methods": [{}], "subscriptions": [bought]}])

    account = ids.decode("account", names[f"{email}/account"])
    assert await _states(connection, "subscription", account) == ["active"]
    assert await _states(connection, "payment", account) == ["failed", "succeeded"]
    paid = await connection.fetchval("select paid_at from invoice where account_id = $1", account)
    assert paid == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("started", "payment", "invoice"), [("-4d", "processing", "open"), ("-6d", "succeeded", "paid")]
)
async def test_a_direct_debit_arrives_after_five_days(
    url: str, connection: asyncpg.Connection, started: str, payment: str, invoice: str
) -> None:
    email = an_email()
    debit = {"kind": "sepa_debit", "brand": "sepa", "last4": "3000"}
    bought = {"plan": "max", "started": started, "billed": {}}

    names = await put_on(url, people=[{"email": email, "payment_methods": [debit], "subscriptions": [bought]}])

    account = ids.decode("account", names[f"{email}/account"])
    assert await _states(connection, "payment", account) == [payment]
    assert await _states(connection, "invoice", account) == [invoice]


async def test_an_invoice_by_hand_is_in_any_state(url: str, connection: asyncpg.Connection) -> None:
    email, states = an_email(), ["draft", "open", "paid", "void", "uncollectible"]
    lines = [{"description": "Training", "amount": "450.00"}, {"description": "Courtesy", "amount": "-50"}]
    invoices = [{"lines": lines, "state": state, "issued": f"-{9 - place}d"} for place, state in enumerate(states)]

    names = await put_on(url, people=[{"email": email, "invoices": invoices}])

    account = ids.decode("account", names[f"{email}/account"])
    rows = await connection.fetch(
        "select state, total_minor, paid_minor from invoice where account_id = $1 order by id", account
    )
    assert [tuple(row) for row in rows] == [(state, 40_000, 40_000 if state == "paid" else 0) for state in states]
    assert await _states(connection, "payment", account) == ["succeeded"]


async def test_a_free_plan_writes_no_invoice(url: str, connection: asyncpg.Connection) -> None:
    email = an_email()

    names = await put_on(
        url, people=[{"email": email, "subscriptions": [{"plan": "free", "started": "-90d", "billed": {}}]}]
    )

    assert await _states(connection, "invoice", ids.decode("account", names[f"{email}/account"])) == []


# Subscriptions


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"plan": "pro", "started": "-2d"}, "trialing"),
        ({"plan": "pro", "started": "-9d"}, "active"),
        ({"plan": "max", "started": "-40d", "paused": "-20d"}, "paused"),
        ({"plan": "max", "started": "-40d", "canceled": {"at": "-20d"}}, "canceled"),
        ({"plan": "max", "started": "-40d", "canceled": {"at": "-1d"}}, "active"),
        ({"plan": "max", "started": "-9d", "canceled": {"takes_effect": "now", "reason": "Enough."}}, "canceled"),
    ],
)
async def test_a_subscription_is_in_any_state(url: str, connection: asyncpg.Connection, told: Json, state: str) -> None:
    email = an_email()

    names = await put_on(url, people=[{"email": email, "subscriptions": [told]}])

    assert await _states(connection, "subscription", ids.decode("account", names[f"{email}/account"])) == [state]


async def test_an_account_begins_with_the_first_thing_that_is_said_of_it(
    url: str, connection: asyncpg.Connection
) -> None:
    email = an_email()
    bought = {"plan": "max", "started": "-40d", "billed": {"unpaid_since": "-80d"}}

    names = await put_on(url, people=[{"email": email, "payment_methods": [{}], "subscriptions": [bought]}])

    began = await connection.fetchval(
        "select created_at from payment_method where id = $1", ids.decode("pm", names[f"{email}/payment_methods/4242"])
    )
    assert began == NOW - timedelta(days=40)


async def test_a_pool_closes_with_its_subscription(url: str, connection: asyncpg.Connection) -> None:
    pool = a_pool(started="-60d", canceled={"at": "-50d"}, seated=[{"email": an_email()}])

    names = await put_on(url, workspaces=[a_workspace(name="Closed", pools=[pool])])

    account = ids.decode("workspace", names["Closed"])
    closed = await connection.fetchrow("select assigned, closed_at from license_pool where account_id = $1", account)
    assert closed is not None
    assert tuple(closed) == (0, datetime(2026, 2, 9, 12, tzinfo=UTC))
    assert await _states(connection, "assignment", account) == ["released"]


# Refusals


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{", "This is not JSON: EOF while parsing an object at line 1 column 1."),
        ("[]", "The scene: input should be an object."),
        ('{"people": [{}]}', "people[0].email: is missing."),
        ('{"people": [{"email": "ada"}]}', "people[0].email: That is not an e-mail address, such as ada@example.com."),
        (
            '{"people": [{"email": "a@b.de", "subscription": []}]}',
            "people[0].subscription: is not known there. Did you mean subscriptions?",
        ),
        (
            '{"people": [{"email": "a@b.de", "staff": "boss"}]}',
            "people[0].staff: must be 'support', 'finance' or 'admin'.",
        ),
        (
            '{"people": [{"email": "a@b.de", "joined": "2026-01-01"}]}',
            (
                "people[0].joined: '2026-01-01' is not an instant with its offset, such as 2026-01-31T09:00:00Z, "
                "a span before now, such as -90d, or now."
            ),
        ),
        (
            '{"people": [{"email": "a@b.de", "payment_methods": [{"last4": "4242424242424242"}]}]}',
            "people[0].payment_methods[0].last4: must be the last four digits of an instrument.",
        ),
        (
            '{"people": [{"email": "a@b.de", "invoices": [{"lines": [{"description": "A", "amount": 8.875}]}]}]}',
            "people[0].invoices[0].lines[0].amount: input should be a valid string.",
        ),
        (
            '{"workspaces": [{"name": "A", "owner": "a@b.de", "pools": [{"plan": "x", "seats": 0}]}]}',
            "workspaces[0].pools[0].seats: input should be greater than or equal to 1.",
        ),
    ],
)
def test_a_mistake_in_the_form_is_told_with_its_place(written: str, sentence: str) -> None:
    with pytest.raises(SceneInvalid) as refused:
        read(written)

    assert refused.value.problems == [sentence]


def test_all_mistakes_in_the_form_are_told_at_once() -> None:
    with pytest.raises(SceneInvalid) as refused:
        read(json.dumps({"people": [{"email": 1, "country": "Germany", "time_zone": "Mars"}], "extras": 1}))

    assert {problem.partition(":")[0] for problem in refused.value.problems} == {
        "people[0].email",
        "people[0].country",
        "people[0].time_zone",
        "extras",
    }


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(SceneInvalid, match=r"nowhere\.json can't be read: No such file or directory\."):
        read_file(Path("nowhere.json"))


_PERSON, _OTHER = "one@refused.example", "two@refused.example"
_SEAT = {"email": _OTHER}


def _refused_workspace(**told: Any) -> Json:
    return {"workspaces": [{"name": "Refused", "owner": _PERSON, "created": "-20d", **told}]}


def _refused_person(**told: Any) -> Json:
    return {"people": [{"email": _PERSON, **told}]}


@pytest.mark.parametrize(
    ("scene", "sentence"),
    [
        ({"people": [{"email": _PERSON}] * 2}, f"people[1].email: {_PERSON} is at people[0].email already."),
        (
            _refused_workspace(members=[{"email": _PERSON}]),
            f"workspaces[0].members[0].email: {_PERSON} is at workspaces[0].owner already.",
        ),
        (
            _refused_workspace(pools=[a_pool(), a_pool()]),
            "workspaces[0].pools[1].name: Seats is at workspaces[0].pools[0].name already.",
        ),
        (
            _refused_person(joined="2026-03-11T00:00:00Z"),
            "people[0]: lies after the scene's now, 2026-03-10T12:00:00+00:00.",
        ),
        (_refused_person(joined="-3700d"), "people[0]: lies more than ten years before the scene's now."),
        (
            _refused_person(joined="-5d", keys=[{"name": "A", "scopes": ["seats:read"], "created": "-6d"}]),
            f"people[0].keys[0]: {_PERSON} has not joined yet.",
        ),
        (
            _refused_person(subscriptions=[{"plan": "prp"}]),
            "people[0].subscriptions[0]: The catalog sells no 'prp' by the month in USD.",
        ),
        (
            _refused_person(subscriptions=[{"plan": "max", "started": "-2d", "canceled": {"at": "-3d"}}]),
            "people[0].subscriptions[0].canceled: comes before what it follows, at 2026-03-08T12:00:00+00:00.",
        ),
        (
            _refused_person(invoices=[{"lines": [{"description": "A", "amount": "0.001"}]}]),
            "people[0].invoices[0]: USD has 2 decimal digits, and 0.001 has more.",
        ),
        (
            _refused_person(invoices=[{"lines": [{"description": "A", "amount": "0"}]}]),
            "people[0].invoices[0]: The lines of an invoice sum to more than nothing.",
        ),
        (
            _refused_person(invoices=[{"lines": [{"description": "A", "amount": "1"}], "attempts": []}]),
            "people[0].invoices[0]: 0 attempts succeeded: an invoice is paid by one, and any other by none.",
        ),
        (
            _refused_workspace(pools=[a_pool(started="-30d")]),
            "workspaces[0].pools[0]: Refused has not been created yet.",
        ),
        (
            _refused_workspace(pools=[a_pool(more=[{"at": "-2d", "seats": 5}])]),
            "workspaces[0].pools[0].more[0]: There are 5 seats by then, and a scene only adds some.",
        ),
        (
            _refused_workspace(pools=[a_pool(more=[{"at": "-2d", "seats": 60_000}])]),
            (
                "workspaces[0].pools[0].more[0]: enterprise_max is sold with 1 to 50000 seats. "
                "Choose a number between them."
            ),
        ),
        (
            _refused_workspace(pools=[a_pool(canceled={"at": "-3d", "takes_effect": "now"}, paused="-2d")]),
            "workspaces[0].pools[0].paused: The subscription has ended by then.",
        ),
        (
            _refused_workspace(subscriptions=[{"plan": "enterprise_pro"}]),
            "workspaces[0].subscriptions[0]: enterprise_pro is sold by the seat: buy it with a pool.",
        ),
        (
            _refused_workspace(members=[_SEAT], pools=[a_pool(seated=[{**_SEAT, "state": "invited"}])]),
            f"workspaces[0].pools[0].seated[0]: {_OTHER} is a member, whose seat is theirs at once: it is active.",
        ),
        (
            _refused_workspace(pools=[a_pool(seated=[{**_SEAT, "state": "invited", "since": "-8d"}])]),
            "workspaces[0].pools[0].seated[0]: An invited seat is given up after 7 days, so by now it is released.",
        ),
        (
            _refused_workspace(pools=[a_pool(seated=[{**_SEAT, "state": "waitlisted"}])]),
            "workspaces[0].pools[0].seated[0]: Nobody waits while seats are free, and 5 are.",
        ),
        (
            _refused_workspace(members=[{**_SEAT, "joined": "-1d"}], pools=[a_pool(seated=[_SEAT])]),
            f"workspaces[0].pools[0].seated[0]: {_OTHER} is not a member of Refused yet.",
        ),
        (
            {**_refused_workspace(pools=[a_pool(seated=[_SEAT])]), "people": [{"email": _OTHER, "verified": False}]},
            (
                f"workspaces[0].pools[0].seated[0]: {_OTHER} is not verified, so the seat only waits for them: "
                "it is invited."
            ),
        ),
        (
            _refused_workspace(invitations=[{**_SEAT, "sent": "-8d"}]),
            "workspaces[0].invitations[0]: Nobody answered within 7 days, so by now it is expired: say so.",
        ),
        (
            _refused_person(identities=[{"issuer": "a", "subject": "b"}] * 2),
            'people[0]: the database refuses it, duplicate key value violates unique constraint "identity_pkey".',
        ),
    ],
)
async def test_what_cannot_have_been_is_refused_with_its_place(
    url: str, connection: asyncpg.Connection, scene: Json, sentence: str
) -> None:
    with pytest.raises(SceneInvalid) as refused:
        await load(url, Scene.model_validate(scene), NOW)

    assert refused.value.problems == [sentence]
    assert not await connection.fetchval("select exists (select from person where email like '%@refused.example')")


async def _states(connection: asyncpg.Connection, table: str, account_id: int) -> list[str]:
    rows = await connection.fetch(f"select state from {table} where account_id = $1 order by id", account_id)
    return [row["state"] for row in rows]


def _a_key(name: str) -> Json:
    return {"name": name, "scopes": ["billing:read"]}
