"""Serving: started, asked, stopped, and what becomes of it without its database."""

import asyncio
import json
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import httpx2
import pytest

from auth import tokens
from auth.policy import KeyScope
from gateway import installation
from gateway.serving import GRACE, UNREAD, _door
from gateway.settings import Misconfigured, Settings
from kernel import database, postgres
from tests.gateway.live.speaking import listening_at, speaking_at
from tests.gateway.running import Running, new_home, run, running

OWNER = "ines.marques@northwind.example"
SEAT_ADMIN = "jonas.keller@northwind.example"
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
PLANS = "{ plans { key } }"


BLOCKED = """
    select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
"""
"""Whether somebody waits for a lock in this database; in others of the same server somebody may at any time."""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home in development, where the product runs as long as this module's tests."""
    with new_home() as made:
        yield made


@pytest.fixture(scope="module")
def product(home: Path) -> Iterator[Running]:
    """The product, started in an empty home."""
    with running(home, "serve", "--port", "0") as started:
        yield started
        started.stop()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A home for a process whose database is elsewhere."""
    return tmp_path / "home"


def address(started: Running) -> str:
    """Where the product said it answers."""
    assert started.said.startswith("Open http://127.0.0.1:"), started.said
    return started.said.split()[1].rstrip("/")


def ask(started: Running, question: str, bearer: str | None = None) -> httpx2.Response:
    """Ask a question over HTTP."""
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    return httpx2.post(f"{address(started)}/graphql", json={"query": question}, headers=headers)


# Started


def test_an_empty_home_becomes_a_product_to_try(product: Running) -> None:
    plans = ask(product, PLANS).json()["data"]["plans"]

    assert {"key": "enterprise_pro"} in plans
    assert httpx2.get(f"{address(product)}/readyz").status_code == 200


def test_a_token_speaks_for_the_person_and_is_all_that_is_printed(product: Running, home: Path) -> None:
    printed = run(home, "token", "--person", OWNER)

    answer = ask(product, "{ viewer { person { email } memberships { nodes { role } } } }", printed.stdout.strip())

    assert (printed.returncode, printed.stderr, printed.stdout.count("\n")) == (0, "", 1)
    assert answer.json()["data"]["viewer"] == {
        "person": {"email": OWNER},
        "memberships": {"nodes": [{"role": "OWNER"}]},
    }


def test_a_key_speaks_for_the_workspace_with_all_that_its_maker_may(product: Running, home: Path) -> None:
    key = run(home, "token", "--person", OWNER, "--key").stdout.strip()

    viewer = ask(product, "{ viewer { kind account { kind } } }", key).json()["data"]["viewer"]

    assert viewer == {"kind": "service_key", "account": {"kind": "WORKSPACE"}}
    assert len(scopes(product, home, key)) == len(KeyScope)


def test_a_key_has_no_more_scopes_than_it_is_given(product: Running, home: Path) -> None:
    key = run(home, "token", "--person", OWNER, "--key", "--scope", "seats:read").stdout.strip()

    assert scopes(product, home, key) == ["SEATS_READ"]


def scopes(product: Running, home: Path, key: str) -> list[str]:
    """What a key may, as the owner of its workspace sees it."""
    token = run(home, "token", "--person", OWNER).stdout.strip()
    number = key.removeprefix("sgk_").rpartition("_")[0]
    answer = ask(product, f'{{ node(id: "{number}") {{ ... on ServiceKey {{ scopes }} }} }}', token)
    found: list[str] = answer.json()["data"]["node"]["scopes"]
    return found


@pytest.mark.usefixtures("product")
def test_a_key_never_may_what_its_maker_may_not(home: Path) -> None:
    refused = run(home, "token", "--person", SEAT_ADMIN, "--key", "--scope", "billing:write")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"{SEAT_ADMIN} may not do all of billing:write there, so no key of theirs can.\n"


def test_a_second_start_furnishes_nothing_again(product: Running, home: Path) -> None:
    with running(home, "serve", "--port", "0", "--no-worker") as second:
        answer = ask(second, PLANS)
        status, told = second.stop()

    assert answer.json() == ask(product, PLANS).json()
    assert (status, "Adding" in told, "Bringing" in told) == (0, False, False)


def test_the_clock_of_a_running_product_can_be_moved(product: Running, home: Path) -> None:
    token = run(home, "token", "--person", OWNER).stdout.strip()

    moved = run(home, "clock", "advance", "2h")

    # The clock of the wall may tick in between.
    assert re.search(r"(2:00:00|1:59:5\d) ahead of the time of day\.\n$", moved.stdout)
    assert ask(product, "{ viewer { kind } }", token).status_code == 401


# Stopped


async def test_streams_end_at_once_when_it_stops(home: Path) -> None:
    with running(home, "serve", "--port", "0") as started:
        bearer = run(home, "token", "--person", OWNER).stdout.strip()
        host = urlsplit(address(started)).netloc
        mine = ask(started, "{ accounts(first: 1, filter: { kind: [WORKSPACE] }) { nodes { id } } }", bearer).json()
        document = "subscription($account: ID!) { invoiceChanged(account: $account) { event } }"
        variables = {"account": mine["data"]["accounts"]["nodes"][0]["id"]}

        async with (
            speaking_at(f"ws://{host}/graphql") as speaker,
            listening_at(f"http://{host}/graphql", bearer, document, **variables) as listener,
        ):
            await speaker.greet(bearer)
            await speaker.subscribe("1", document, **variables)
            await anext(listener.lines)
            began = perf_counter()
            started.process.send_signal(signal.SIGTERM)
            code, _ = await speaker.closed()
            name, _ = await listener.event()
        status = await asyncio.to_thread(started.process.wait, 15)

    assert (code, name, status) == (1012, "", 0)
    assert perf_counter() - began < GRACE


def test_a_connection_that_takes_nothing_is_over_some_day() -> None:
    with _door("127.0.0.1", 0) as door, socket.socket() as client:
        door.listen()
        client.connect(door.getsockname())
        with door.accept()[0] as accepted:
            unread = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert unread == UNREAD * 1000


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_request_in_flight_is_answered_before_the_end(
    bare: Path, fresh_database_url: str, how: signal.Signals
) -> None:
    with running(bare, "serve", "--port", "0", DATABASE_URL=fresh_database_url, SEATGRAPH_ENV="test") as started:
        async with database.connected(fresh_database_url) as owner, httpx2.AsyncClient() as client:
            async with owner.transaction():
                await owner.execute("lock table plan in access exclusive mode")
                asked = asyncio.create_task(client.post(f"{address(started)}/graphql", json={"query": PLANS}))
                await until(fresh_database_url, BLOCKED)
                started.process.send_signal(how)
                await until_closed(address(started))
            answer = await asked

        assert answer.json() == {"data": {"plans": []}}
        assert await asyncio.to_thread(started.process.wait, 15) == 0


async def until(url: str, question: str) -> None:
    """Wait until the database says yes."""
    async with database.connected(url) as owner, asyncio.timeout(20):
        while not await owner.fetchval(question):  # noqa: ASYNC110 - PostgreSQL tells nobody when this becomes true
            await asyncio.sleep(0.02)


async def until_closed(base: str) -> None:
    """Wait until nobody listens there any more."""
    place = urlsplit(base)
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(place.hostname, place.port)
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.02)


def test_the_embedded_database_ends_with_its_last_user() -> None:
    with new_home() as alone:
        with running(alone, "serve", "--port", "0", SEATGRAPH_ENV="test") as started:
            lives = (alone / "postgres" / "postmaster.pid").exists()
            status, _ = started.stop()

        assert (status, lives, (alone / "postgres" / "postmaster.pid").exists()) == (0, True, False)


def test_a_start_that_waits_for_its_database_can_be_stopped(bare: Path) -> None:
    nowhere = "postgresql://127.0.0.1:1/seatgraph"

    with running(bare, "serve", "--port", "0", first="stderr", DATABASE_URL=nowhere) as started:
        waiting = started.said.endswith("Waiting up to 30 seconds for it.\n")
        status, told = started.stop()

    assert (waiting, status, told) == (True, 0, "")


async def test_a_worker_tells_events_until_it_is_stopped(bare: Path, fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as owner:
        await owner.execute("insert into outbox values (1, 1, now(), 'seat.assigned', '{}', '')")

    with running(bare, "worker", DATABASE_URL=fresh_database_url, SEATGRAPH_ENV="test") as started:
        await until(fresh_database_url, "select delivered_at is not null from outbox")
        status, _ = started.stop()

    assert status == 0


# Refused


def test_a_taken_port_is_one_sentence_before_anything_is_started(bare: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(bare, "serve", "--port", str(port))

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"Port {port} of 127.0.0.1 is taken: choose another with --port.\n"
    assert not (bare / "postgres").exists()


def test_a_database_that_is_down_is_waited_for_and_then_given_up(bare: Path) -> None:
    nowhere = "postgresql://me:topsecret@127.0.0.1:1/seatgraph"

    refused = run(bare, "serve", "--port", "0", "--wait", "1", DATABASE_URL=nowhere)

    waiting, gave_up = refused.stderr.splitlines()
    assert refused.returncode == 2
    assert waiting.endswith("Waiting up to 1 seconds for it.")
    assert gave_up == "PostgreSQL does not answer where DATABASE_URL points."


def test_a_database_that_does_not_exist_is_not_waited_for(bare: Path, server: str) -> None:
    refused = run(bare, "serve", "--port", "0", DATABASE_URL=database.within(server, "nowhere"))

    assert refused.returncode == 2
    assert refused.stderr == 'PostgreSQL refuses the connection: database "nowhere" does not exist.\n'


async def test_a_database_newer_than_the_product_is_refused(bare: Path, fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as owner:
        await owner.execute("update alembic_version set version_num = '9999'")

    refused = run(bare, "serve", "--port", "0", DATABASE_URL=fresh_database_url)

    assert refused.returncode == 2
    assert refused.stderr.startswith("The database is at revision 9999, and this release knows revisions up to ")


# Without its database


@pytest.fixture
async def elsewhere() -> AsyncIterator[tuple[Path, str]]:
    """A database on a server of its own, which can be stopped."""
    with new_home() as made:
        server = await asyncio.to_thread(postgres.started, made, CARELESS)
        await database.create(server, "seatgraph")
        yield made, database.within(server, "seatgraph")


async def test_the_product_outlives_its_database_and_recovers(bare: Path, elsewhere: tuple[Path, str]) -> None:
    theirs, url = elsewhere
    with running(bare, "serve", "--port", "0", DATABASE_URL=url, SEATGRAPH_ENV="test") as started:
        before = ask(started, PLANS)
        postgres.stop(theirs)
        # What was asked a moment ago is remembered for as long, and these weren't asked.
        during = [
            ask(started, question) for question in ("{ plans { id } }", "{ plans { id key } }", "{ plans { name } }")
        ]
        lives = httpx2.get(f"{address(started)}/healthz").status_code
        ready = httpx2.get(f"{address(started)}/readyz").status_code
        postgres.started(theirs, CARELESS)
        after = ask(started, PLANS)
        status, _ = started.stop()

    assert before.json() == after.json() == {"data": {"plans": []}}
    assert [told(answer) for answer in during] == [(503, "UNAVAILABLE", "1")] * 3
    assert max(answer.elapsed.total_seconds() for answer in during) < 2
    assert (lives, ready, status) == (200, 503, 0)


def told(answer: httpx2.Response) -> tuple[int, str, str]:
    """The status of a refusal, its code, and when to come back."""
    code = json.loads(answer.text)["errors"][0]["extensions"]["code"]
    return answer.status_code, code, answer.headers["retry-after"]


# Who signs


def given(tmp_path: Path, **more: str) -> Settings:
    """Settings as an environment gives them."""
    return Settings.model_validate({"SEATGRAPH_HOME": str(tmp_path), "SEATGRAPH_SECRET": "s" * 32} | more)


def test_development_makes_a_signing_key_once_that_nobody_else_may_read(tmp_path: Path) -> None:
    first, second = installation.signer(given(tmp_path)), installation.signer(given(tmp_path))

    assert first is not None
    assert first == second
    assert (tmp_path / "signing.pem").stat().st_mode & 0o777 == 0o600


def test_production_signs_only_with_a_key_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(tokens.generate())

    without = installation.signer(given(tmp_path, SEATGRAPH_ENV="production"))
    signing = installation.signer(
        given(tmp_path, SEATGRAPH_ENV="production", SEATGRAPH_SIGNING_KEY=str(tmp_path / "key.pem"))
    )

    assert without is None
    assert signing is not None
    assert not (tmp_path / "signing.pem").exists()


def test_a_signing_key_that_can_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^SEATGRAPH_SIGNING_KEY must be a file"):
        installation.signer(given(tmp_path, SEATGRAPH_SIGNING_KEY=str(tmp_path / "nowhere.pem")))
