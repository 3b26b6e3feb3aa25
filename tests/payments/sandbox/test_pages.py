"""Lists, filters, expansion and search."""

from typing import Any

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import DAY, Bench


async def three(bench: Bench) -> list[str]:
    return [await bench.customer(name=name) for name in ("Ada", "Bob", "Cleo")]


async def test_pages_are_newest_first_and_follow_a_cursor(bench: Bench) -> None:
    ada, bob, cleo = await three(bench)

    first = (await bench.v1.customers.list_async({"limit": 2})).to_dict()
    second = await bench.v1.customers.list_async({"limit": 2, "starting_after": bob})
    back = await bench.v1.customers.list_async({"limit": 1, "ending_before": ada})

    shapes.check_list(first)
    assert ([one["id"] for one in first["data"]], first["has_more"], first["url"]) == (
        [cleo, bob],
        True,
        "/v1/customers",
    )
    assert ([one.id for one in second.data], second.has_more) == ([ada], False)
    assert ([one.id for one in back.data], back.has_more) == ([bob], True)


async def test_the_sdk_walks_every_page(bench: Bench) -> None:
    expected = (await three(bench))[::-1]

    listed = await bench.v1.customers.list_async({"limit": 1})

    assert [one.id async for one in listed.auto_paging_iter()] == expected


async def test_a_bad_cursor_or_limit_is_refused(bench: Bench) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.customers.list_async({"starting_after": "cus_none"})
    assert (caught.value.code, caught.value.param) == ("resource_missing", "starting_after")
    with pytest.raises(stripe.InvalidRequestError, match="at most 100"):
        await bench.v1.customers.list_async({"limit": 101})


async def test_a_list_is_filtered_by_instants(bench: Bench) -> None:
    old = await bench.customer()
    await bench.advance(DAY)
    new = await bench.v1.customers.retrieve_async(await bench.customer())

    before = await bench.v1.customers.list_async({"created": {"lt": new.created}})
    exactly = await bench.v1.customers.list_async({"created": new.created})

    assert [one.id for one in before.data] == [old]
    assert [one.id for one in exactly.data] == [new.id]


async def test_four_levels_expand(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method(customer=owner)
    intent = await bench.pay(method, customer=owner, capture_method="automatic")

    refund = (
        await bench.v1.refunds.create_async(
            {
                "payment_intent": intent["id"],
                "expand": ["charge.payment_intent.latest_charge.balance_transaction", "balance_transaction.source"],
            }
        )
    ).to_dict()

    shapes.check(refund)
    charge = refund["charge"]["payment_intent"]["latest_charge"]
    assert charge["balance_transaction"]["amount"] == 2000
    assert refund["balance_transaction"]["source"]["id"] == refund["id"]


async def test_a_list_expands_its_members(bench: Bench) -> None:
    await bench.pay()

    listed = (
        await bench.v1.payment_intents.list_async({"expand": ["data.latest_charge", "data.payment_method"]})
    ).to_dict()

    shapes.check_list(listed)
    assert listed["data"][0]["latest_charge"]["object"] == "charge"
    assert listed["data"][0]["payment_method"]["object"] == "payment_method"


async def test_what_is_left_out_comes_when_it_is_expanded(bench: Bench) -> None:
    intent = await bench.pay()
    refund = await bench.v1.refunds.create_async({"payment_intent": intent["id"], "amount": 1})

    plain = await bench.charge_of(intent)
    charge = (await bench.v1.charges.retrieve_async(intent["latest_charge"], {"expand": ["refunds"]})).to_dict()

    assert "refunds" not in plain
    shapes.check(charge)
    assert [one["id"] for one in charge["refunds"]["data"]] == [refund.id]


@pytest.mark.parametrize(
    "path", ["amount", "nothing", "latest_charge.payment_intent.latest_charge.payment_intent.customer"]
)
async def test_what_does_not_expand_is_refused_and_nothing_is_done(bench: Bench, path: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.pay(expand=[path])

    assert caught.value.param == "expand"
    assert await bench.events() == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('email:"ada@acme.test"', ["Ada"]),
        ("name~'b'", ["Bob"]),
        ('metadata["gw"]:"1" AND -name:"Bob"', ["Ada"]),
        ('name:"Ada" OR name:"Bob"', ["Bob", "Ada"]),
        ('metadata["gw"]:null', ["Cleo"]),
        ("created>0", ["Cleo", "Bob", "Ada"]),
        ('name:"nobody"', []),
    ],
)
async def test_customers_are_searched(bench: Bench, query: str, found: list[str]) -> None:
    await bench.customer(name="Ada", email="ada@acme.test", metadata={"gw": "1"})
    await bench.customer(name="Bob", metadata={"gw": "1"})
    await bench.customer(name="Cleo")

    result = (await bench.v1.customers.search_async({"query": query})).to_dict()

    assert [one["name"] for one in result["data"]] == found
    assert set(result) == {"object", "data", "has_more", "next_page", "url"}


async def test_intents_are_searched_page_by_page(bench: Bench) -> None:
    ids = [(await bench.pay(metadata={"gw_attempt": "7"}))["id"] for _ in range(3)]
    query = 'metadata["gw_attempt"]:"7" AND status:"succeeded"'

    first = await bench.v1.payment_intents.search_async({"query": query, "limit": 2})
    second = await bench.v1.payment_intents.search_async({"query": query, "limit": 2, "page": first.next_page})

    assert [one.id for one in (*first.data, *second.data)] == ids[::-1]
    assert (first.has_more, second.has_more) == (True, False)


async def test_search_can_lag_behind(bench: Bench) -> None:
    await bench.control("settings", {"search_lag": 60})
    await bench.customer(name="Ada")
    query: Any = {"query": "name:'Ada'"}

    before = await bench.v1.customers.search_async(query)
    await bench.advance(60)

    assert before.data == []
    assert len((await bench.v1.customers.search_async(query)).data) == 1


@pytest.mark.parametrize(
    "query", ["name", "color:'red'", "name:'a' AND name:'b' OR name:'c'", "name:'a' AND ", "created:'x'"]
)
async def test_a_query_that_can_not_be_read_is_refused(bench: Bench, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.customers.search_async({"query": query})

    assert caught.value.param == "query"
