"""Importing from Stripe Billing: through the real SDK, from a sandbox account with a trap in every corner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from gateway import catalog, import_report, importing, playing, verification
from gateway.importing import Outcome, Wish
from gateway.installation import clock, configure
from gateway.settings import Settings
from gateway.worker import Worker
from kernel import database
from kernel.clock import SimulatedClock
from kernel.id_blocks import IdBlocks
from payments.rail.opening import Rail
from tests.docs.pages import ROOT, blocks

DAY = timedelta(days=1)


@dataclass
class Installation:
    """A database with our catalog, and the Stripe account it is to import from."""

    settings: Settings
    url: str
    stripe: str
    owner: asyncpg.Connection
    file: Path

    async def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.post(f"{self.stripe}/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def run(self, *, dry: bool = False, end_there: bool = False) -> Outcome:
        wish = Wish(self.file, dry, end_there)
        return await importing.run(self.settings, self.url, wish, shown=False, tell=lambda _: None)

    async def imported(self, *, end_there: bool = False) -> Outcome:
        """What an import comes to by the file that was proposed."""
        await self.run(dry=True)
        return await self.run(end_there=end_there)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.owner.fetch(sql, *values)]

    async def value(self, sql: str, *values: Any) -> Any:
        return await self.owner.fetchval(sql, *values)

    async def counts(self) -> dict[str, int]:
        return {table: await self.value(f"select count(*) from {table}") for table in COUNTED}

    async def assert_sound(self) -> None:
        report = await verification.report(self.url)
        assert report["ok"], [check for check in report["checks"] if check["broken"]]

    async def work(self, until: datetime | None = None, line: Rail | None = None) -> None:
        """Let the product's worker do everything that is due, at an instant to come if there is one."""
        if until:
            await SimulatedClock(self.owner).advance(until - await SimulatedClock(self.owner).now())
        engine = database.engine(self.url)
        async with clock(self.settings, self.url) as ticking:
            worker = Worker(self.url, engine, ticking, IdBlocks(), line)
            while await worker.turn():
                pass
        await engine.dispose()


COUNTED = (
    *("account", "person", "workspace", "subscription", "subscription_item", "invoice", "line_item"),
    *("payment_method", "ledger_entry", "license_pool", "imported_object", "audit_record"),
)


@pytest.fixture
async def here(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    settings = Settings.model_validate(
        {"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "s" * 32, "SEATGRAPH_HOME": str(tmp_path)}
    )
    configure(settings)
    await catalog.apply(settings, fresh_database_url, catalog.read(catalog.FOLDER))
    async with playing.played(fresh_database_url) as address, database.connected(fresh_database_url) as owner:
        yield Installation(settings, fresh_database_url, address, owner, tmp_path / "import.toml")


def subscriptions(outcome: Outcome) -> dict[str, Mapping[str, Any]]:
    told = import_report.document(outcome)
    return {each["subscription"]: each for customer in told["customers"] for each in customer["subscriptions"]}


def stays(outcome: Outcome) -> dict[str, str]:
    told = import_report.document(outcome)
    return {left["subscription"]: left["why"] for customer in told["customers"] for left in customer["stays"]}


def minor(amount: Mapping[str, Any]) -> int:
    return int(amount["minor"])


async def test_a_dry_run_proposes_a_file_and_tells_everything_without_changing_anything(here: Installation) -> None:
    await here.control("seed/scene")
    before = await here.counts()

    outcome = await here.run(dry=True)

    text = here.file.read_text()
    assert outcome.proposed
    assert '"price_team" = "enterprise_pro/1/month-eur"' in text
    assert '"price_pro" = "pro/1/month-usd"' in text
    assert '"price_francs" = ""' in text
    assert "Nothing of ours is sold by the month in CHF." in text
    assert await here.counts() == before
    told = subscriptions(outcome)
    team, cheaper, taxed = (told[name]["next"] for name in ("sub_team", "sub_cheaper", "sub_taxed"))
    # Here a business of the Union with a VAT id accounts for the tax itself.
    assert (minor(team["there"]), minor(team["here"])) == (12 * 40_00 * 119 // 100, 12 * 40_00)
    assert (minor(taxed["there"]), minor(taxed["difference"])) == (23_80, 0)
    assert (minor(cheaper["there"]), minor(cheaper["here"])) == (15_00, 20_00)
    assert minor(told["sub_coupon"]["next"]["here"]) == 15_00
    assert told["sub_ending"]["next"] is None


async def test_what_cannot_come_over_is_told_in_a_sentence_each(here: Installation) -> None:
    await here.control("seed/scene")

    left = stays(await here.run(dry=True))

    assert left.keys() == {
        *("sub_unpaid", "sub_incomplete", "sub_paused", "sub_pausing"),
        *("sub_scheduled", "sub_francs", "sub_nameless", "sub_mixed", "sub_metered"),
    }
    assert "given up collecting" in left["sub_unpaid"]
    assert "a schedule" in left["sub_scheduled"]
    assert "price_francs" in left["sub_francs"]
    assert "no e-mail address" in left["sub_nameless"]
    assert "different periods" in left["sub_mixed"]
    assert all(why.endswith(".") for why in left.values())


async def test_an_import_makes_accounts_methods_credit_and_subscriptions_and_verify_finds_nothing(
    here: Installation,
) -> None:
    await here.control("seed/scene", {"plain": 3})

    outcome = await here.imported()
    await here.work()

    assert outcome.whole
    (team,) = await here.rows(
        "select a.*, s.id as subscription, s.period_end, c.held, k.rail_id from account a"
        " join subscription s on s.account_id = a.id join subscription_clock c on c.subscription_id = s.id"
        " join rail_customer k on k.account_id = a.id where a.name = 'Acme GmbH' and a.kind = 'workspace'"
    )
    assert (team["vat_id"], team["country"], team["currency"]) == ("DE136695976", "DE", "EUR")
    assert (team["collection"], team["net_days"], team["rail_id"]) == ("send_invoice", 30, "cus_team")
    assert team["held"].startswith("Stripe still bills it")
    (pool,) = await here.rows("select name, purchased from license_pool where account_id = $1", team["id"])
    assert pool == {"name": "Enterprise Pro", "purchased": 12}
    credit = await here.rows("select debit, credit, amount_minor, currency from ledger_transfer")
    assert credit == [{"debit": "opening", "credit": "customer_credit", "amount_minor": 15_00, "currency": "EUR"}]
    methods = await here.rows("select is_default, last4 from payment_method where account_id = $1", team["id"])
    assert methods == [{"is_default": True, "last4": "4242"}]
    await here.assert_sound()


async def test_importing_again_makes_nothing_twice(here: Installation) -> None:
    await here.control("seed/scene", {"plain": 2})
    await here.imported()
    await here.work()
    before = await here.counts()

    again = await here.run()
    await here.work()

    assert again.whole
    assert not any(each["is_new"] for each in subscriptions(again).values())
    assert await here.counts() == before


async def test_nothing_is_billed_here_while_it_is_billed_there(here: Installation) -> None:
    await here.control("seed/scene")
    await here.imported()
    (end,) = await here.rows("select max(period_end) as at from subscription where interval = 'month'")

    await here.work(end["at"] + DAY)

    totals = await here.rows("select distinct total_minor from invoice")
    assert totals == [{"total_minor": 0}]
    await here.assert_sound()


async def test_a_renewal_after_an_import_bills_the_right_sum_at_the_right_instant(here: Installation) -> None:
    await here.control("seed/scene")
    outcome = await here.imported(end_there=True)
    told = subscriptions(outcome)
    period_end = datetime.fromisoformat(told["sub_team"]["paid_until"])

    await here.work(period_end - timedelta(minutes=5))
    early = await here.rows(_BILLED)
    await here.work(period_end + timedelta(seconds=1))

    billed = {row["name"]: row for row in await here.rows(_BILLED)}
    assert [row["name"] for row in early] == ["Alan Turing"]
    team = billed["Acme GmbH"]
    assert (team["total_minor"], team["credit_minor"], team["period_start"]) == (480_00, 15_00, period_end)
    assert {row["created_at"] for row in billed.values()} == {period_end, early[0]["created_at"]}
    sums = {name: row["total_minor"] for name, row in billed.items()}
    assert sums == {
        "Acme GmbH": 480_00,
        "Alan Turing": 20_00,
        "Cheap Charly": 15_00,
        "Old Friend": 20_00,
        "Owing": 20_00,
        "Steuer": 23_80,
    }
    assert await here.value(_ENDED, "Leaving Soon") == period_end
    await here.assert_sound()


_BILLED = """
    select a.name, v.total_minor, v.credit_minor, v.period_start, v.created_at
    from invoice v join account a on a.id = v.account_id where v.total_minor > 0 and v.kind <> 'imported'
    and a.name <> 'Many States' order by a.name
"""
"""What was billed here; whether one who has not paid is billed once more depends on the length of the month."""
_ENDED = "select s.ended_at from subscription s join account a on a.id = s.account_id where a.name = $1"


async def test_the_documentation_shows_the_file_and_what_is_told(here: Installation) -> None:
    await here.control("seed/scene")
    shown = {block.words: block.text for block in blocks(ROOT / "docs" / "importing.md")}

    told = import_report.sentences(await here.run(dry=True))

    assert fnmatchcase(here.file.read_text(), shown["file",].replace("[", "[[]").replace("…", "*"))
    for line in shown["output",].splitlines():
        assert any(fnmatchcase(each, line.replace("…", "*")) for each in told), line
