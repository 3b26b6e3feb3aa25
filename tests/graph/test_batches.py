"""Batches: what is asked for in several goes is there for everybody, in whichever order it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from resolvers.batches import Batches


class Shelf:
    """Values that come when they are let go, batch by batch."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may = [asyncio.Event() for _ in range(3)]

    async def load(self, keys: list[int]) -> Sequence[str]:
        self.asked.append(keys)
        await self.may[len(self.asked) - 1].wait()
        return [f"value {key}" for key in keys]


async def everybody_went_on() -> None:
    """Let everybody go on who waits for nothing else."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_what_comes_in_two_batches_is_got_whichever_comes_first(order: tuple[int, int]) -> None:
    shelf = Shelf()
    batches = Batches(shelf.load)
    first = asyncio.create_task(batches.get([1]))
    await everybody_went_on()
    both = asyncio.create_task(batches.get([1, 2]))
    await everybody_went_on()

    for batch in order:
        shelf.may[batch].set()
        await everybody_went_on()

    async with asyncio.timeout(10):
        assert await first == ["value 1"]
        assert await both == ["value 1", "value 2"]
    assert shelf.asked == [[1], [2]]


async def test_a_batch_that_fails_is_told_to_all_who_wait_and_asked_for_again_by_whoever_comes_later() -> None:
    asked = []

    async def load(keys: list[int]) -> Sequence[int]:
        asked.append(keys)
        if len(asked) == 1:
            raise ConnectionError("gone")
        return keys

    batches = Batches(load)
    told = await asyncio.gather(batches.get([1, 2]), batches.get([2, 3]), return_exceptions=True)

    assert [str(each) for each in told] == ["gone", "gone"]
    assert await batches.get([3, 1]) == [3, 1]
    assert asked == [[1, 2, 3], [3, 1]]
