"""What a run bills explains itself like anything else, missed periods included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing import changes, credit_notes
from billing.run import crew
from billing.states import CreditDestination
from kernel.money import Money
from tests.billing.living import lives

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def test_a_run_that_catches_up_explains_every_invoice(fresh_database_url: str) -> None:
    async with lives(fresh_database_url) as opened:
        life = await opened(NOW)
        await life.subscribe("enterprise_pro", quantity=5)
        life.now += timedelta(days=100)

        await crew.bill(fresh_database_url, until=life.now, now=life.now)

        assert len(await life.numbers()) == 3
        await life.assert_sound()

        wish = changes.Wish(life.item_id, quantity=3, price_id=await life.price("enterprise_max"))
        await life.do(lambda work, account: changes.change(work, account, life.subscription_id, wish))
        note = credit_notes.Wish(CreditDestination.CUSTOMER_CREDIT, Money(777, "EUR"))
        (first, *_) = await life.numbers()
        await life.do(lambda work, account: credit_notes.issue(work, account, first, note, "Sorry."))
        life.now += timedelta(days=45)
        await crew.bill(fresh_database_url, until=life.now, now=life.now)

        assert len(await life.numbers()) == 6
        ledger, schedule = await life.recognize()
        assert ledger == schedule
        await life.assert_sound()
