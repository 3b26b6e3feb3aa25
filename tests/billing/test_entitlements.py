from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from billing.entitlements import Entitlement, allows, covers, flag, held, limit, text

FREE = (flag("priority_support", on=False), limit("pro_searches_a_day", 3), text("model", "fast"))
PRO = (flag("priority_support", on=False), limit("pro_searches_a_day", 600), text("model", "best"))
MAX = (flag("priority_support", on=True), limit("pro_searches_a_day", None), text("model", "deep"))


def test_the_highest_of_several_plans_holds() -> None:
    together = held([FREE, PRO, MAX])

    assert together == {entitlement.feature: entitlement for entitlement in MAX}


def test_a_flag_that_one_plan_turns_on_stays_on() -> None:
    together = held([[flag("uploads", on=True)], [flag("uploads", on=False)]])

    assert together["uploads"] == flag("uploads", on=True)


def test_limits_are_not_added_up() -> None:
    together = held([[limit("seats", 10)], [limit("seats", 7)]])

    assert together["seats"] == limit("seats", 10)


def test_no_limit_is_higher_than_any_number() -> None:
    together = held([[limit("searches", None)], [limit("searches", 10**12)]])

    assert together["searches"].unlimited


def test_of_two_texts_that_of_the_higher_plan_holds() -> None:
    assert held([FREE, PRO])["model"] == text("model", "best")


def test_a_feature_that_changed_its_kind_is_what_the_higher_plan_says() -> None:
    together = held([[flag("uploads", on=True)], [limit("uploads", 50)]])

    assert together["uploads"] == limit("uploads", 50)


def test_features_of_different_plans_come_together() -> None:
    together = held([[flag("uploads", on=True)], [flag("video", on=True)]])

    assert set(together) == {"uploads", "video"}


def test_a_higher_plan_covers_a_lower_one_and_not_the_other_way() -> None:
    assert covers(MAX, PRO)
    assert covers(PRO, PRO)
    assert not covers(PRO, MAX)


def test_a_plan_that_lacks_a_feature_does_not_cover_one_that_has_it() -> None:
    assert not covers(MAX, [*PRO, flag("video", on=True)])


def test_a_limit_allows_until_it_is_reached() -> None:
    may = held([[limit("searches", 2)]])

    assert [allows(may, "searches", used) for used in (0, 1, 2)] == [True, True, False]


def test_no_limit_allows_always_and_nothing_allows_nothing() -> None:
    may = held([MAX])

    assert allows(may, "pro_searches_a_day", 10**9)
    assert allows(may, "priority_support")
    assert allows(may, "model")
    assert not allows(may, "video")
    assert not allows(held([FREE]), "priority_support")


def test_values_read_as_a_price_list_writes_them() -> None:
    assert [entitlement.says for entitlement in (*PRO, *MAX)] == [
        "off",
        "600",
        '"best"',
        "on",
        "unlimited",
        '"deep"',
    ]


_entitlements = st.one_of(
    st.builds(flag, st.just("uploads"), on=st.booleans()),
    st.builds(limit, st.just("searches"), st.none() | st.integers(0, 9)),
    st.builds(text, st.just("model"), st.sampled_from(["fast", "best"])),
)
_grants = st.lists(st.lists(_entitlements, max_size=4), max_size=4)


@given(_grants)
def test_plans_may_be_joined_in_any_grouping(grants: list[list[Entitlement]]) -> None:
    step_by_step: dict[str, Entitlement] = {}
    for grant in grants:
        step_by_step = held([step_by_step.values(), grant])

    assert held(grants) == step_by_step


@given(_grants)
def test_flags_and_limits_do_not_care_for_the_order_of_plans(grants: list[list[Entitlement]]) -> None:
    ordered = [[entitlement for entitlement in grant if entitlement.feature != "model"] for grant in grants]

    assert held(ordered) == held(reversed(ordered))


@given(_grants)
def test_together_covers_each_plan(grants: list[list[Entitlement]]) -> None:
    together = held(grants)

    assert all(covers(together.values(), grant) for grant in grants)
