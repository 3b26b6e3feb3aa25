"""What is too small for the rail to charge: it stays open without consequences, and is charged with what comes next."""

from __future__ import annotations

from kernel import ids
from tests.graph.test_dunning import EMPTY, days, final, row_of
from tests.paying import card, charges, invoice_state
from tests.scenery import Scene


async def due(scene: Scene, minor: int, currency: str = "USD") -> str:
    """An invoice in some currency that became final just now, and was charged by itself."""
    invoice = await scene.invoice(minor)
    number = ids.decode("inv", invoice)
    for table, column in (("invoice", "id"), ("line_item", "invoice_id")):
        sql = f"update {table} set currency = $2 where {column} = $1"
        await scene.world.run(sql, number, currency)
    await final(scene, invoice)
    return invoice


async def amounts(scene: Scene) -> list[tuple[int, str]]:
    """What was charged so far, the latest first, and what came of it."""
    return [(charge["amount"], charge["status"]) for charge in await charges(scene)]


async def followed(scene: Scene, *invoices: str) -> int:
    """How many of these invoices are followed by something."""
    return int(
        await scene.world.value(
            "select count(*) from invoice_dunning where id = any($1::bigint[]) and state <> 'settled'",
            [ids.decode("inv", invoice) for invoice in invoices],
        )
    )


async def test_what_is_too_small_is_charged_with_the_next_invoice_of_its_currency(workspace: Scene) -> None:
    await card(workspace)
    small = await due(workspace, 30)
    await days(workspace, 2)
    alone = await amounts(workspace)
    other = await due(workspace, 20_00, "EUR")

    large = await due(workspace, 40_00)

    assert (alone, await followed(workspace, small)) == ([], 0)
    assert await amounts(workspace) == [(40_30, "succeeded"), (20_00, "succeeded")]
    assert [await invoice_state(workspace, each) for each in (small, large, other)] == [
        ("paid", 30),
        ("paid", 40_00),
        ("paid", 20_00),
    ]


async def test_nobody_without_a_payment_method_is_asked_for_so_little(workspace: Scene) -> None:
    small = await due(workspace, 30)

    assert await followed(workspace, small) == 0
    assert await invoice_state(workspace, small) == ("open", 0)


async def test_of_three_decimals_what_can_be_written_is_charged_and_the_rest_comes_next(workspace: Scene) -> None:
    await card(workspace)

    first = await due(workspace, 5_124, "KWD")
    kept = await invoice_state(workspace, first)
    second = await due(workspace, 5_124, "KWD")

    assert kept == ("open", 5_120)
    assert await amounts(workspace) == [(5_120, "succeeded"), (5_120, "succeeded")]
    assert await invoice_state(workspace, first) == ("paid", 5_124)
    assert await invoice_state(workspace, second) == ("open", 5_116)
    assert await followed(workspace, first, second) == 0


async def test_a_charge_of_both_that_is_declined_is_followed_for_the_large_one_alone(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    small = await due(workspace, 30)
    large = await due(workspace, 40_00)
    declined = await amounts(workspace)
    both = await followed(workspace, small, large)
    await card(workspace)

    await days(workspace, 2)
    after = await amounts(workspace)
    third = await due(workspace, 10_00)

    assert (declined, both) == ([(40_30, "failed")], 1)
    assert (await row_of(workspace, large))["state"] == "settled"
    assert after == [(40_00, "succeeded"), (40_30, "failed")]
    assert (await amounts(workspace))[0] == (10_30, "succeeded")
    assert [await invoice_state(workspace, each) for each in (small, large, third)] == [
        ("paid", 30),
        ("paid", 40_00),
        ("paid", 10_00),
    ]


async def test_what_was_paid_but_for_a_trifle_is_followed_no_more(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    invoice = await due(workspace, 5_124, "KWD")
    before = await followed(workspace, invoice)
    await card(workspace)

    await days(workspace, 2)

    assert before == 1
    assert await invoice_state(workspace, invoice) == ("open", 5_120)
    assert await followed(workspace, invoice) == 0
