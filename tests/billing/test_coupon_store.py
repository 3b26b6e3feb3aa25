"""Coupons of the catalog: what changes, what may not once somebody redeemed one, and what reaches the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from billing import catalog_store, coupon_diff, coupon_store
from billing.catalog import Catalog, in_order
from billing.catalog_changes import CatalogRefused, Change
from billing.coupon_changes import CodeSpent, CouponAdded, CouponChanged, CouponImmutable
from billing.coupon_terms import ListedCode, ListedCoupon
from billing.localized import Localized
from kernel import database
from kernel.id_blocks import IdBlocks
from kernel.work import Work

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
SPRING = ListedCoupon(
    "spring",
    Localized((("de", "Frühling"), ("en", "Spring"))),
    percent=Fraction("12.5"),
    periods=3,
    plans=("pro",),
    codes=(ListedCode("EARLY", 2), ListedCode("SPRING26", 1000, first_time=True, expires_at=UNTIL)),
)
THANKS = ListedCoupon("thanks", Localized((("en", "Thank you"),)), amounts=(("JPY", 700), ("USD", 500)))


@pytest.fixture
async def owner(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    """The owner's engine of a database without a catalog."""
    made = database.engine(fresh_database_url, role=None)
    yield made
    await made.dispose()


@pytest.fixture
async def work(owner: AsyncEngine) -> AsyncIterator[Work]:
    made = Work(owner, NOW, ids=IdBlocks())
    yield made
    await made.close()


async def test_what_was_applied_is_what_is_read_and_the_second_time_changes_nothing(work: Work) -> None:
    changes = await _apply(work, SPRING, THANKS)

    assert changes == [CouponAdded("spring", SPRING), CouponAdded("thanks", THANKS)]
    assert changes[0].says == "spring is a new coupon, 12.5 percent off pro for 3 periods, with EARLY, SPRING26."
    assert await coupon_store.current(work) == (SPRING, THANKS)
    assert await _apply(work, SPRING, THANKS) == []


async def test_every_kind_of_change_reaches_the_rows_and_leaves_one_record(work: Work) -> None:
    await _apply(work, SPRING, THANKS)
    summer = replace(THANKS, key="summer", codes=(ListedCode("SUMMER"),))

    changes = await _apply(work, GROWN, summer)
    back = await _apply(work, GROWN, replace(summer, codes=()), THANKS)
    again = await _apply(work, replace(GROWN, codes=SPRING.codes), summer, THANKS)

    assert [change.says for change in changes] == [
        'spring: name was de "Frühling" / en "Spring" and becomes en "May"; who has the discount keeps it as it was.',
        "spring: plans was pro and becomes every plan; who has the discount keeps it as it was.",
        "spring: percent was 12.5 percent and becomes 20 percent; who has the discount keeps it as it was.",
        "spring: periods was 3 periods and becomes 1 period; who has the discount keeps it as it was.",
        "spring: code EARLY was 2 times and becomes for new customers.",
        "spring: code MAY is new, for everybody.",
        "spring: code SPRING26 is not accepted any more.",
        "summer is a new coupon, 700 JPY or 5.00 USD off every plan for good, with SUMMER.",
        "thanks is granted no more; who has the discount keeps it.",
    ]
    assert [change.says for change in back] == [
        "summer: code SUMMER is not accepted any more.",
        "thanks is granted again.",
    ]
    assert [type(change).__name__ for change in again] == [
        *("CodeChanged", "CodeRetired", "CodeRevived"),
        "CodeRevived",
    ]
    records = [record["action"] for record in await work.fetch("select action from audit_record order by seq")]
    assert len(records) == 2 + len(changes) + len(back) + len(again)
    assert set(records) == {
        *("coupon.added", "coupon.changed", "coupon.retired", "coupon.revived"),
        *("promotion_code.added", "promotion_code.changed", "promotion_code.retired", "promotion_code.revived"),
    }


async def test_what_a_redeemed_coupon_takes_off_stays(work: Work) -> None:
    await _apply(work, SPRING, THANKS)
    await _redeemed(work, 1)

    with pytest.raises(CatalogRefused) as refused:
        await _apply(work, GROWN, THANKS)

    why = "for it was redeemed: make another coupon, with a code of its own."
    assert str(refused.value).splitlines() == [
        f"spring: percent is 12.5 percent and can't become 20 percent, {why}",
        f"spring: periods is 3 periods and can't become 1 period, {why}",
    ]
    assert await coupon_store.current(work) == (SPRING, THANKS)
    with pytest.raises(asyncpg.PostgresError, match="a redeemed coupon is immutable"):
        await work.execute("update coupon set percent = '20' where key = 'spring'")


async def test_who_may_redeem_a_coupon_changes_although_it_was_redeemed(work: Work) -> None:
    await _apply(work, SPRING)
    await _redeemed(work, 2)
    wanted = replace(SPRING, plans=None, codes=(ListedCode("EARLY", 2, expires_at=UNTIL), *SPRING.codes[1:]))

    changes = await _apply(work, wanted)

    assert [type(change).__name__ for change in changes] == ["CouponChanged", "CodeChanged"]
    assert await coupon_store.current(work) == (wanted,)


async def test_a_code_is_not_limited_to_fewer_uses_than_it_had(work: Work) -> None:
    await _apply(work, SPRING)
    await _redeemed(work, 2)
    wanted = replace(SPRING, codes=(ListedCode("EARLY", 1), *SPRING.codes[1:]))

    with pytest.raises(CatalogRefused) as refused:
        await _apply(work, wanted)

    assert str(refused.value) == (
        "spring: code EARLY was used 2 times and can't be limited to 1: take it out to accept it no more."
    )
    assert await coupon_store.current(work) == (SPRING,)
    with pytest.raises(asyncpg.PostgresError, match="used_within_its_limit"):
        await work.execute("update promotion_code set most = 1 where code = 'EARLY'")


async def test_a_code_stays_with_its_coupon_even_when_it_is_retired(work: Work) -> None:
    await _apply(work, SPRING)
    await _apply(work)

    with pytest.raises(CatalogRefused) as refused:
        await _apply(work, replace(THANKS, codes=(ListedCode("EARLY"),)))

    assert str(refused.value) == "thanks: code EARLY is the code of spring, and stays it: choose another one."
    assert [coupon.key for coupon in await coupon_store.current(work)] == ["spring"]


async def test_a_retired_coupon_that_comes_back_grants_what_it_did(work: Work) -> None:
    await _apply(work, SPRING)
    (retired,) = await _apply(work)

    (revived,) = await _apply(work, SPRING)

    assert retired.says == "spring is granted no more; who has the discount keeps it."
    assert revived.says == "spring is granted again."
    assert await coupon_store.current(work) == (SPRING,)


async def test_a_coupon_touches_those_who_have_it_and_no_plan_of_its_name(work: Work) -> None:
    await _apply(work, SPRING)
    changes = coupon_diff.coupons((SPRING,), (GROWN,))

    touched = await catalog_store.touched(work, changes)

    assert set(touched.values()) == {0}


_codes = st.lists(
    st.builds(
        ListedCode,
        st.sampled_from(["AAA", "BBB", "CCC"]),
        st.none() | st.integers(1, 3),
        first_time=st.booleans(),
        expires_at=st.none() | st.just(UNTIL),
        redeemed=st.integers(0, 3),
    ),
    unique_by=lambda code: code.code,
    max_size=3,
).map(lambda codes: tuple(sorted(codes, key=lambda code: code.code)))
_coupons = st.builds(replace, st.sampled_from([SPRING, THANKS]), codes=_codes, periods=st.none() | st.integers(1, 3))


@given(_coupons, _coupons)
def test_no_change_but_a_refused_one_touches_what_was_redeemed(one: ListedCoupon, other: ListedCoupon) -> None:
    wanted = replace(other, key=one.key)

    changes = list(coupon_diff.coupons((one,), (wanted,)))

    assert all(change.says for change in changes)
    kept = (one.percent, one.amounts, one.periods) == (wanted.percent, wanted.amounts, wanted.periods)
    assert any(isinstance(change, CouponImmutable) for change in changes) == (one.redeemed > 0 and not kept)
    used = {code.code: code.redeemed for code in one.codes}
    spent = {code.code for code in wanted.codes if code.most and used.get(code.code, 0) > code.most}
    assert {change.after.code for change in changes if isinstance(change, CodeSpent)} == spent
    assert not any(isinstance(change, CouponChanged) for change in coupon_diff.coupons((wanted,), (wanted,)))


GROWN = replace(
    SPRING,
    name=Localized((("en", "May"),)),
    percent=Fraction(20),
    periods=1,
    plans=None,
    codes=(ListedCode("EARLY", first_time=True), ListedCode("MAY")),
)


async def _apply(work: Work, *coupons: ListedCoupon) -> list[Change]:
    """Bring the coupons of a catalog without plans to these."""
    wanted: Catalog = in_order([], coupons=sorted(coupons, key=lambda coupon: coupon.key))
    async with work.transaction():
        return await catalog_store.apply(work, wanted)


async def _redeemed(work: Work, times: int) -> None:
    """The code EARLY was used so often."""
    async with work.transaction():
        await work.execute("update promotion_code set redeemed = $1 where code = 'EARLY'", times)
