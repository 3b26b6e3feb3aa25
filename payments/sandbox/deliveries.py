"""Deliveries: signed posts of events to webhook endpoints, tried again when they fail.

Five modes: `normal`; `duplicate` posts everything twice; `shuffle` posts in any
order; `hold` keeps everything until it is released; `off` loses everything, so that
only the list of events still knows.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import httpx2
import orjson

from payments.sandbox import clock
from payments.sandbox.objects import HIDDEN, bare
from payments.sandbox.refusals import Refused
from payments.sandbox.state import State

TRIES = 3
_BATCH = 64
_PATIENCE = 10.0


class Deliverer:
    """The client that posts events."""

    def __init__(self) -> None:
        self._client = httpx2.AsyncClient(timeout=_PATIENCE, follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def deliver_due(self, state: State) -> int:
        """Post everything that is due, and gives how many posts were made."""
        made = 0
        async with state.delivering:
            while rows := await state.pool.fetch(_DUE, state.clock.now, _BATCH):
                if state.settings.deliveries == "shuffle":
                    state.ids.random.shuffle(rows)
                results = await asyncio.gather(*(self._try(state, row) for row in rows))
                await state.pool.executemany(_RESULT, results)
                made += len(rows)
        return made

    async def _try(self, state: State, row: Any) -> tuple[int, str, int, int | None, str | None]:
        """Post one delivery; gives its new row: id, state, due, status, error."""
        if row["secret"] is None:
            return row["id"], "failed", row["due"], None, "the endpoint is deleted or disabled"
        payload = orjson.dumps(bare(row["event"]), option=orjson.OPT_INDENT_2)
        status, error = None, None
        for _ in range(2 if state.settings.deliveries == "duplicate" else 1):
            status, error = await self._post(row["url"], row["secret"], payload)
        if status is not None and 200 <= status < 300:  # noqa: PLR2004 - the range of success
            return row["id"], "delivered", row["due"], status, None
        tries = row["attempts"] + 1
        due = state.clock.now + state.delays.retry * 2 ** (tries - 1)
        return row["id"], "pending" if tries < TRIES else "failed", due, status, error

    async def _post(self, url: str, secret: str, payload: bytes) -> tuple[int | None, str | None]:
        # Receivers compare `t` with their own machine's clock, so it isn't simulated.
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, secret, clock.wall()),
            "User-Agent": "Stripe/1.0 (sandbox)",
        }
        try:
            answer = await self._client.post(url, content=payload, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return None, type(error).__name__
        return answer.status_code, None


def signature(payload: bytes, secret: str, now: int) -> str:
    """The header that lets an endpoint know the payload is from here, and of now."""
    signed = hmac.new(secret.encode(), f"{now}.".encode() + payload, "sha256").hexdigest()
    return f"t={now},v1={signed}"


async def set_mode(state: State, mode: str) -> None:
    """Choose how events are delivered from now on. What is held stays held until it is released."""
    if mode not in ("normal", "hold", "duplicate", "shuffle", "off"):
        raise Refused("The mode is one of: normal, hold, duplicate, shuffle, off.", param="mode")
    state.settings.deliveries = mode
    await state.keep_all()


async def release(state: State) -> int:
    """Make everything that is held due; gives how many."""
    rows = await state.pool.fetch("update sandbox.delivery set state = 'pending' where state = 'held' returning id")
    state.work.set()
    return len(rows)


async def resend(state: State, event: str) -> int:
    """Make an event's deliveries due once more, whatever became of them; gives how many."""
    rows = await state.pool.fetch(_RESEND, event, state.clock.now)
    state.work.set()
    return len(rows)


async def report(state: State) -> list[dict[str, Any]]:
    """The last thousand deliveries, newest first."""
    rows = await state.pool.fetch(_REPORT)
    return [dict(row) for row in rows]


_DUE = f"""
select d.id, d.due, d.attempts, e.body as event, p.body ->> 'url' as url,
       p.body #>> '{{{HIDDEN},secret}}' as secret
from sandbox.delivery d
join sandbox.object e on e.id = d.event
left join sandbox.object p on p.id = d.endpoint and p.body ->> 'status' = 'enabled'
where d.state = 'pending' and d.due <= $1 order by d.due, d.id limit $2
"""  # noqa: S608 - the name is ours
_RESULT = (
    "update sandbox.delivery set attempts = attempts + 1, state = $2, due = $3, status = $4, error = $5 where id = $1"
)
_RESEND = "update sandbox.delivery set state = 'pending', due = $2, attempts = 0 where event = $1 returning id"
_REPORT = """
select d.id, d.event, e.body ->> 'type' as type, d.endpoint, d.state, d.due, d.attempts, d.status, d.error
from sandbox.delivery d join sandbox.object e on e.id = d.event order by d.id desc limit 1000
"""
