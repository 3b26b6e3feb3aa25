"""Gathering: whichever process is asked for figures shows those of all, each with its worker."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from starlette.requests import Request

from gateway import gathering
from gateway.gathering import Post, posts
from gateway.metrics import Metrics, Waiting
from kernel.errors import Unavailable


async def page(metrics: Metrics, accept: str = "") -> str:
    """What Prometheus reads at one process."""
    shown = await metrics.page(Request({"type": "http", "headers": [(b"accept", accept.encode())]}))
    return bytes(shown.body).decode()


def crew(places: list[Post]) -> list[Metrics]:
    """The figures of several processes: each has answered as many queries as its place says."""
    made = [Metrics(place) for place in places]
    for place, metrics in enumerate(made):
        for _ in range(place):
            metrics.count("query", 200, 0.02)
    return made


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
async def test_whichever_process_is_asked_shows_the_figures_of_all(accept: str) -> None:
    with posts(3) as places:
        metrics = crew(places)
        async with AsyncExitStack() as answering:
            for each in metrics:
                await answering.enter_async_context(each.shared())
            pages = [await page(each, accept) for each in metrics]

    for shown in pages:
        assert 'seatgraph_requests_total{operation="query",status="200",worker="1"} 1.0' in shown
        assert 'seatgraph_requests_total{operation="query",status="200",worker="2"} 2.0' in shown
        assert 'seatgraph_request_seconds_bucket{le="0.025",operation="query",worker="2"} 2.0' in shown
        assert 'seatgraph_requests_in_flight{worker="0"} 0.0' in shown
        assert shown.count("# TYPE seatgraph_requests") == pages[0].count("# TYPE seatgraph_requests")


async def test_what_is_so_of_the_database_is_shown_once() -> None:
    async def look() -> Waiting:
        return Waiting(held=3, discrepancies=4)

    with posts(2) as places:
        one, two = crew(places)
        one.look = two.look = look
        async with one.shared(), two.shared():
            shown = await page(one)

    assert "seatgraph_held_subscriptions 3.0" in shown
    assert "seatgraph_open_discrepancies 4.0" in shown
    assert "seatgraph_held_subscriptions{" not in shown


async def test_a_process_that_is_gone_or_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_PATIENCE", 0.05)
    with posts(3) as places:
        here, _gone, _hangs = crew(places)
        places[2].doors[2].listen()
        async with here.shared():
            shown = await page(here)

    assert 'seatgraph_requests_in_flight{worker="0"} 0.0' in shown
    assert 'worker="1"' not in shown
    assert 'worker="2"' not in shown


async def test_a_process_of_its_own_names_no_worker() -> None:
    alone = Metrics()
    async with alone.shared():
        assert "seatgraph_requests_in_flight 0.0" in await page(alone)


def test_nothing_is_left_of_where_they_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with posts(2):
        assert list(tmp_path.iterdir())

    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_name_is_too_long_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    with pytest.raises(Unavailable, match="Name another folder in TMPDIR"), posts(2):
        pass

    assert list(deep.iterdir()) == []
