"""An account is one customer at the rail, whatever becomes of the answer that says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payments import customers
from payments.rail.errors import RailError
from tests.paying import control, rail_of
from tests.payments.faults.playing import fault, later, mended, work_of
from tests.payments.faults.truth import wrongs
from tests.scenery import Scene

DAY = timedelta(hours=30)
"""Longer than the rail remembers an idempotency key."""


async def known(scene: Scene) -> str:
    """Who the account is at the rail, made if need be by a process of its own."""
    work = await work_of(scene.world)
    try:
        return await customers.ensure(work, rail_of(scene.world), scene.number, urgent=True)
    finally:
        await work.close()


async def lost(scene: Scene, kind: str, **rule: object) -> None:
    """Ask for the customer, and hear nothing."""
    await fault(scene.world, "customers.create", kind, **rule)
    with pytest.raises(RailError):
        await known(scene)


async def there(scene: Scene) -> int:
    """How many customers bear the account's mark at the rail."""
    asked = (
        "select count(*) from sandbox.object where kind = 'customer' and body->'metadata'->>'gw_account' ="
        " (select body->'metadata'->>'gw_account' from sandbox.object where id = $1)"
    )
    return int(await scene.world.value(asked, await known(scene)))


@pytest.mark.parametrize("kind", ["drop_after", "truncate", "drop_before", "error_after", "error_before"])
async def test_a_lost_answer_makes_no_second_customer_when_its_key_is_forgotten(scene: Scene, kind: str) -> None:
    await lost(scene, kind)
    await mended(scene.world)
    await later(scene.world, DAY)

    assert await there(scene) == 1
    assert await wrongs(scene.world) == []


async def test_a_customer_without_an_address_is_found_by_our_mark(scene: Scene) -> None:
    await scene.world.run("update account set email = '' where id = $1", scene.number)
    await lost(scene, "drop_after")
    await mended(scene.world)
    await later(scene.world, DAY)

    assert await there(scene) == 1
    assert await wrongs(scene.world) == []


@pytest.mark.parametrize("kind", ["error_after", "error_before"])
async def test_a_failure_that_is_repeated_for_a_day_is_gone_around(scene: Scene, kind: str) -> None:
    await lost(scene, kind, times=3)
    with pytest.raises(RailError):
        await known(scene)

    assert await there(scene) == 1
    assert await wrongs(scene.world) == []


async def test_an_account_that_is_renamed_before_the_answer_came_is_one_customer(scene: Scene) -> None:
    await lost(scene, "drop_after")
    await mended(scene.world)
    await scene.world.run("update account set name = 'Renamed', email = 'new@acme.test' where id = $1", scene.number)

    assert await there(scene) == 1
    assert await wrongs(scene.world) == []


async def test_what_the_rail_would_not_make_is_asked_for_in_the_words_of_today(scene: Scene) -> None:
    email = await scene.world.value("select email from account where id = $1", scene.number)
    await scene.world.run("update account set email = 'nowhere' where id = $1", scene.number)
    with pytest.raises(RailError):
        await known(scene)

    await scene.world.run("update account set email = $2 where id = $1", scene.number, email)

    shown = await control(scene.world, f"objects/{await known(scene)}", verb="GET")
    assert shown["email"] == email
    assert await there(scene) == 1
