"""A subscription and its payer, driven at random beside a model of what it should cost that fits on a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from auth.tables import Account
from billing import changes, credit_notes, discounting, fact_queries, holds, invoices, previews, subscriptions
from billing.changes import Wish
from billing.charging import Bill
from billing.pricing import Price
from billing.states import CreditDestination
from billing.subscriptions import CancelAt
from kernel.errors import Problem
from kernel.money import Money
from kernel.time import Anchor, Interval, Period
from kernel.work import Work
from seats import buying
from tests.billing.living import Life, lives

T = TypeVar("T")
SPEED = settings(
    max_examples=6,
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize=True,
    # A failure is told as it was found, for making it smaller takes minutes on a real database.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
PLACES = [
    ("DE", "EUR", "Europe/Berlin", datetime(2027, 1, 17, 0, 30, tzinfo=UTC)),
    ("US", "USD", "America/New_York", datetime(2027, 10, 17, 5, 30, tzinfo=UTC)),
    ("JP", "JPY", "Asia/Tokyo", datetime(2028, 2, 15, 3, 0, tzinfo=UTC)),
    ("GB", "GBP", "Europe/London", datetime(2027, 3, 14, 1, 30, tzinfo=UTC)),
    ("KW", "KWD", "Asia/Kuwait", datetime(2027, 1, 31, 21, 30, tzinfo=UTC)),
]
DINARS = """
    insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule, created_at)
    select -r.id, r.plan_id, r.plan_version_id, r.key, 'KWD', r.interval, r.model, r.amount_minor, r.rule, r.created_at
    from price r join plan p on p.id = r.plan_id
    where r.currency = 'EUR' and r.key = 'base' and p.audience = 'workspace' on conflict do nothing
"""
"""What is sold to workspaces, for a tenth of as much in a currency with three decimals."""


@dataclass
class Stretch:
    """From an instant on, so many of a price; of none while it rests."""

    at: datetime
    price: Price | None
    quantity: int


@dataclass
class Paid:
    """A billing period, and how the subscription stood in it."""

    span: Period
    whole: Period
    stretches: list[Stretch]
    percent: Fraction
    off: int = 0
    """The most that fixed amounts take off it, in minor units."""

    exact: bool = True
    """Whether nothing has happened in it that is given back by other rules, or taken off a part of it only."""

    @property
    def cost(self) -> Fraction:
        """The integral of price over time, less the percentage of whoever has a discount all along."""
        ends = [*(stretch.at for stretch in self.stretches[1:]), self.span.end]
        spans = [
            (stretch, Period(max(stretch.at, self.span.start), max(stretch.at, end)))
            for stretch, end in zip(self.stretches, ends, strict=True)
        ]
        gross = sum(
            (
                stretch.price.cost(stretch.quantity) * self.whole.share_of(span)
                for stretch, span in spans
                if stretch.price
            ),
            Fraction(0),
        )
        return gross * (1 - self.percent / 100)


@dataclass
class Model:
    """What the subscription should have cost: each period that began, and how it stands in the latest."""

    anchor: Anchor
    interval: Interval
    paid: list[Paid] = field(default_factory=list)
    percents: list[tuple[datetime, Fraction, int, datetime | None, int]] = field(default_factory=list)
    """From when a discount counts, its percentage, for how many periods, until when, and its fixed amount."""

    @property
    def now(self) -> Paid:
        return self.paid[-1]

    @property
    def stands(self) -> Stretch:
        return self.now.stretches[-1]

    def begin(self, at: datetime, price: Price | None, quantity: int) -> None:
        """Another period begins, as long as the anchor says; the one before ends there."""
        _, whole = self.anchor.period_at(at, self.interval)
        if self.paid and self.now.span.start == at:
            self.paid.pop()
        if self.paid:
            self.now.span = Period(self.now.span.start, min(self.now.span.end, at))
            self.now.stretches = [kept for kept in self.now.stretches if kept.at < at] or self.now.stretches[:1]
        percent, off = self._discounts(at, begun=0)
        self.paid.append(Paid(Period(at, whole.end), whole, [Stretch(at, price, quantity)], percent, off))

    def _discounts(self, at: datetime, *, begun: int) -> tuple[Fraction, int]:
        """What those in force take off; of their periods, the `begun` one runs already."""
        left, off = Fraction(100), 0
        for since, percent, periods, until, minor in self.percents:
            met = sum(since <= paid.span.start for paid in self.paid)
            if since <= at and met - begun < periods and (until is None or at < until):
                left, off = left * (1 - percent / 100), off + minor
        return 100 - left, off

    def restart(self, at: datetime, anchor: Anchor, interval: Interval, price: Price | None, quantity: int) -> None:
        """Another anchor or interval: a period begins at once, and so do discounts that waited for one."""
        self.anchor, self.interval = anchor, interval
        self.percents = [(min(since, at), *rest) for since, *rest in self.percents]
        self.begin(at, price, quantity)

    def stand(self, at: datetime, price: Price | None, quantity: int) -> None:
        """Another state within the period; seats that were paid for the same price are kept until it ends."""
        while self.now.stretches and self.stands.at == at:
            # Of two states at one instant, the later one counts.
            self.now.stretches.pop()
        if price and self.now.stretches and self.stands.price == price:
            quantity = max(quantity, self.stands.quantity)
        self.now.stretches.append(Stretch(at, price, quantity))
        # A discount that ended or was removed meets no line that is new, and what stands keeps it.
        if self.now.percent != self._discounts(at, begun=1)[0]:
            self.now.exact = False


class Lives(RuleBasedStateMachine):
    """One account, and whatever its owner, its admins and the calendar do."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    opened: ClassVar[Callable[..., Awaitable[Life]]]

    @initialize(place=st.sampled_from(PLACES), plan=st.sampled_from(["enterprise_pro", "enterprise_max"]))
    def opens(self, place: tuple[str, str, str, datetime], plan: str) -> None:
        country, self.currency, zone, now = place
        self.life = self.run(type(self).opened(now, country=country, time_zone=zone))
        self.run(self.life.owner.execute(DINARS))
        self.plan, self.canceled, self.paused, self.ending = plan, False, False, False
        self.waiting: int | None = None
        self.discounts: list[int] = []
        self.explained: list[int] = []
        self.run(self.life.subscribe(plan, self.currency, 5))
        trial_end = self.value("select trial_end from subscription where id = $1", self.life.subscription_id)
        self.price = self.priced(plan, Interval.MONTH)
        self.model = Model(Anchor.at(trial_end or now, zone), Interval.MONTH)
        if trial_end:
            self.to(trial_end)
        else:
            self.begins(now)

    # What time does

    @rule(days=st.integers(0, 45), seconds=st.integers(1, 86_399))
    def time_passes(self, days: int, seconds: int) -> None:
        self.to(self.life.now + timedelta(days=days, seconds=seconds))

    @rule()
    def the_period_ends(self) -> None:
        if self.model.paid and not self.canceled:
            self.to(self.model.now.span.end)

    def to(self, moment: datetime) -> None:
        """Go there, and let a worker begin each period that is due, or end what is to end."""
        self.life.now = moment
        while not self.canceled:
            due = self.value(
                "select due_at from subscription_clock where subscription_id = $1", self.life.subscription_id
            )
            if due > moment:
                return
            if self.ending:
                self.do(lambda work, account: subscriptions.end_due(work, account.id, self.life.subscription_id))
                self.canceled = True
                return
            told = self.do(lambda work, account: previews.renewing(work, account, self.life.subscription_id))
            made = self.do(lambda work, account: buying.renew(work, account, self.life.subscription_id))
            assert ([told.document.total.minor] if told else []) == [one.total_minor for one in made]
            self.begins(due)
            self.finance_believes()

    def finance_believes(self) -> None:
        """What billing doesn't believe, such as ten times as many seats, is released and made final."""
        held = self.value("select held from subscription_clock where subscription_id = $1", self.life.subscription_id)
        if held is not None:
            self.do(lambda work, account: holds.release(work, account.id, self.life.subscription_id))
            (number,) = self.run(self.life.numbers("state = 'draft'"))
            self.do(lambda work, account: invoices.finalize_due(work, account.id, number))

    def begins(self, at: datetime) -> None:
        price = None if self.paused else self.price
        quantity = self.wanted if self.model.paid else 5
        if self.waiting is not None:
            quantity, self.waiting = self.waiting, None
        self.wanted = quantity
        self.model.begin(at, price, quantity)

    # What people do

    @rule(quantity=st.integers(1, 400))
    def another_quantity(self, quantity: int) -> None:
        self.changes(Wish(self.life.item_id, quantity=quantity), self.price, quantity)

    @rule(plan=st.sampled_from(["enterprise_pro", "enterprise_max"]))
    def another_plan(self, plan: str) -> None:
        if self.model.paid:
            price = self.priced(plan, self.model.interval)
            self.changes(Wish(self.life.item_id, price_id=int(price.key)), price, self.wanted)

    @rule(interval=st.sampled_from([Interval.MONTH, Interval.YEAR]))
    def another_interval(self, interval: Interval) -> None:
        # There and back at the instant a period began restores what was billed, without discounts that came since.
        if self.life.now == self.model.now.span.start:
            return
        price = self.priced(self.name(), interval)
        self.changes(Wish(self.life.item_id, price_id=int(price.key)), price, self.wanted)

    def changes(self, wish: Wish, price: Price, quantity: int) -> None:
        """A change costs what its preview said, and is refused where the preview was."""
        told = self.tried(lambda work, account: changes.preview(work, account, self.life.subscription_id, wish))
        made = self.tried(lambda work, account: changes.change(work, account, self.life.subscription_id, wish))
        assert (told is None) == (made is None)
        if told is None or made is None:
            return
        self.agrees(told, made[1])
        if wish.quantity is not None:
            self.waiting = None
        at, self.price, self.wanted = self.life.now, price, quantity
        stands = None if self.paused else price
        if price.interval is not self.model.interval:
            anchor = Anchor.at(at, self.model.anchor.zone)
            self.model.restart(at, anchor, price.interval, stands, quantity)
        else:
            self.model.stand(at, stands, quantity)

    @rule(quantity=st.integers(1, 400))
    def another_quantity_later(self, quantity: int) -> None:
        wish = Wish(self.life.item_id, quantity=quantity)
        if self.tried(lambda work, account: changes.schedule(work, account, self.life.subscription_id, wish, None)):
            self.waiting = quantity

    @rule()
    def pauses(self) -> None:
        told = self.tried(lambda work, account: previews.pausing(work, account, self.life.subscription_id))
        made = self.tried(lambda work, account: changes.pause(work, account, self.life.subscription_id, None))
        assert (told is None) == (made is None)
        if made is not None:
            self.paused = True
            self.model.stand(self.life.now, None, 0)

    @rule()
    def resumes(self) -> None:
        told = self.tried(lambda work, account: previews.resuming(work, account, self.life.subscription_id))
        made = self.tried(lambda work, account: changes.resume(work, account, self.life.subscription_id))
        assert (told is None) == (made is None)
        if told is not None and made is not None:
            self.agrees(told, made[1])
            self.paused = False
            self.model.stand(self.life.now, self.price, self.wanted)

    @rule(day=st.integers(1, 28))
    def another_billing_day(self, day: int) -> None:
        if self.model.interval is not Interval.MONTH or not self.model.paid:
            return
        # What a whole period has billed that began at this instant is kept by its own grid, and a share stays one.
        began, cut = self.life.now == self.model.now.span.start, self.model.now.span != self.model.now.whole
        told = self.tried(lambda work, account: previews.billing_on(work, account, self.life.subscription_id, day))
        made = self.tried(lambda work, account: changes.bill_on(work, account, self.life.subscription_id, day))
        assert (told is None) == (made is None)
        assert made is None or not (began and cut)
        if told is not None and made is not None:
            self.agrees(told, made[1])
            at, kept = self.life.now, self.model.anchor
            anchor = Anchor(kept.local.replace(day=day), kept.zone)
            self.model.restart(at, anchor, Interval.MONTH, None if self.paused else self.price, self.wanted)
            self.model.now.exact = not began

    @rule()
    def cancels_at_the_end(self) -> None:
        if self.cancel(CancelAt.PERIOD_END, credit=False):
            self.ending = True

    @precondition(lambda self: self.ending)
    @rule()
    def takes_it_back(self) -> None:
        done = self.tried(lambda work, account: changes.reactivate(work, account.id, self.life.subscription_id))
        assert (done is None) == self.canceled
        self.ending = False if done else self.ending

    @precondition(lambda self: len(self.model.paid) > 3)
    @rule(credit=st.booleans())
    def cancels_now(self, credit: bool) -> None:
        if self.cancel(CancelAt.NOW, credit=credit):
            self.canceled = True
            if credit:
                self.model.stand(self.life.now, None, 0)

    def cancel(self, at: CancelAt, *, credit: bool) -> bool:
        async def canceled(work: Work, account: Account) -> Any:
            return await buying.cancel(work, account, self.life.subscription_id, at, None, credit=credit)

        return self.tried(canceled) is not None

    @rule(percent=st.sampled_from(["10", "33.3", "50"]), periods=st.sampled_from([1, 2, None]))
    def uses_a_code(self, percent: str, periods: int | None) -> None:
        code = self.run(self.life.code(percent, periods))
        made = self.tried(lambda work, account: discounting.apply(work, account, self.life.subscription_id, code))
        if made is not None:
            self.discounts.append(made.id)
            self.model.percents.append((made.since, Fraction(percent), periods or 1_000, None, 0))

    @rule(minor=st.integers(1, 500_000), periods=st.sampled_from([1, 2, None]))
    def uses_a_code_for_an_amount(self, minor: int, periods: int | None) -> None:
        code = self.run(self.life.code(None, periods, {self.currency: minor}))
        made = self.tried(lambda work, account: discounting.apply(work, account, self.life.subscription_id, code))
        if made is not None:
            self.discounts.append(made.id)
            self.model.percents.append((made.since, Fraction(0), periods or 1_000, None, minor))

    @precondition(lambda self: self.discounts)
    @rule()
    def loses_the_first_discount(self) -> None:
        place = len(self.model.percents) - len(self.discounts)
        if self.tried(lambda work, account: discounting.remove(work, account.id, self.discounts[0])) is not None:
            self.discounts.pop(0)
            since, percent, periods, _, minor = self.model.percents[place]
            self.model.percents[place] = (since, percent, periods, self.life.now, minor)

    @rule(minor=st.integers(1, 500_000))
    def is_given_credit(self, minor: int) -> None:
        amount = Money(minor, self.currency)
        self.do(lambda work, account: credit_notes.grant(work, account.id, amount))

    @rule()
    def voids_the_latest_invoice(self) -> None:
        numbers = self.run(self.life.numbers("state = 'open'"))
        if numbers and self.tried(lambda work, account: invoices.void(work, account, numbers[-1])) is not None:
            self.no_more_exact(numbers[-1])

    @rule(percent=st.integers(1, 100))
    def gets_a_credit_note(self, percent: int) -> None:
        numbers = self.run(self.life.numbers("state in ('open', 'paid') and total_minor > 0"))
        if not numbers:
            return
        whole = self.value("select total_minor from invoice where id = $1", numbers[-1])
        wish = credit_notes.Wish(
            CreditDestination.CUSTOMER_CREDIT, amount=Money(max(1, whole * percent // 100), self.currency)
        )
        if self.tried(lambda work, account: credit_notes.issue(work, account, numbers[-1], wish, "Kindness.")):
            self.no_more_exact(numbers[-1])

    def no_more_exact(self, number: int) -> None:
        """Of the periods on an invoice, what was billed and given back is by other rules from now on."""
        periods = self.run(self.life.owner.fetch("select billed_period from line_item where invoice_id = $1", number))
        for paid in self.model.paid:
            paid.exact = paid.exact and paid.span.start not in {row["billed_period"] for row in periods}

    # What must be true

    @invariant()
    def the_books_balance_and_what_is_new_explains_itself(self) -> None:
        if hasattr(self, "model"):
            self.run(self.life.assert_sound(explained=self.explained))
            self.explained = self.run(self.life.numbers())

    def teardown(self) -> None:
        """What was explained when it was new is explained the same when it is old."""
        if hasattr(self, "model"):
            self.run(self.life.assert_sound())

    @invariant()
    def every_period_costs_the_integral_of_its_price(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = self.run(
            self.life.owner.fetch(
                "select l.billed_period, sum(l.amount_minor - l.discount_minor)::bigint as minor, count(*) as lines"
                " from line_item l join invoice v on v.id = l.invoice_id"
                " where l.account_id = $1 and v.state <> 'void' group by 1",
                self.life.account_id,
            )
        )
        billed = {row["billed_period"]: (row["minor"], row["lines"]) for row in rows}
        for paid in self.model.paid:
            minor, lines = billed.pop(paid.span.start, (0, 0))
            if paid.exact:
                slack = Fraction(lines * (2 + len(self.model.percents)), 2)
                assert paid.cost - paid.off - slack <= minor <= paid.cost + slack, (paid, minor, lines)
        assert not billed, "nothing is billed of a period that never began"

    # Doing

    def run(self, doing: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        async def done() -> T:
            return await doing

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(timeout=30)

    def do(self, act: Callable[[Work, Account], Awaitable[T]]) -> T:
        return self.run(self.life.do(act))

    def tried(self, act: Callable[[Work, Account], Awaitable[T]]) -> T | None:
        """What came of it; None where it was declined, which changes nothing in the books."""
        before = self.run(self.life.balances())
        try:
            return self.do(act)
        except Problem:
            assert self.run(self.life.balances()) == before
            return None

    def value(self, sql: str, *values: Any) -> Any:
        return self.run(self.life.one(sql, *values))

    def name(self) -> str:
        found: str = self.value(
            "select p.key from subscription s join plan p on p.id = s.plan_id where s.id = $1",
            self.life.subscription_id,
        )
        return found

    def priced(self, plan: str, interval: Interval) -> Price:
        number = self.run(self.life.price(plan, self.currency, interval.value))
        return self.do(lambda work, _: fact_queries.prices(work, [number]))[number]

    def agrees(self, told: Bill, made: Any) -> None:
        assert (told.document and told.document.total.minor) == (made and made.total_minor)


async def test_whatever_happens_to_a_subscription_it_costs_what_the_model_says(fresh_database_url: str) -> None:
    async with lives(fresh_database_url) as opened:
        Lives.opened, Lives.loop = staticmethod(opened), asyncio.get_running_loop()

        await asyncio.to_thread(run_state_machine_as_test, Lives, settings=SPEED)
