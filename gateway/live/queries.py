"""Questions of live subscriptions, asked as the product itself: who may be told is decided for each change later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kernel.work import Work
from resolvers.following import Told

READ = 500
"""The most events of one read."""

PAGE = 100
"""How many events a follower who is behind reads at once."""

# What happens to a refund or a dispute happens to its payment.
_TOLD = """
    select o.account_id, o.position, o.name, o.at, (o.payload || coalesce(case
        when o.payload ? 'refund' then (
            select jsonb_build_object('payment', r.payment_id) from refund r
            where (r.account_id, r.id) = (o.account_id, (o.payload ->> 'refund')::bigint))
        when o.payload ? 'dispute' then (
            select jsonb_build_object('payment', d.payment_id) from dispute d
            where (d.account_id, d.id) = (o.account_id, (o.payload ->> 'dispute')::bigint))
    end, '{}'))::text as about
    from outbox o
"""


async def last_place(work: Work, account_id: int) -> int:
    """The place of an account's last event; 0 where there is none."""
    (row,) = await work.fetch("select max(position) as place from outbox where account_id = $1", account_id)
    return row["place"] or 0


async def last_record(work: Work, account_id: int) -> int:
    """The number of an account's last audit record; 0 where there is none."""
    (row,) = await work.fetch("select max(seq) as seq from audit_record where account_id = $1", account_id)
    return row["seq"] or 0


async def kept(work: Work, account_id: int, position: int, since: datetime) -> bool:
    """Whether an account's event is there, and nothing after it was forgotten: it waits, or was told since then."""
    sql = "select from outbox where (account_id, position) = ($1, $2) and coalesce(delivered_at > $3, true)"
    return bool(await work.fetch(sql, account_id, position, since))


async def after(work: Work, account_id: int, position: int) -> list[Told]:
    """The next events of an account after a place, at most PAGE."""
    sql = f"{_TOLD} where o.account_id = $1 and o.position > $2 order by o.position limit {PAGE}"
    return [_told(row) for row in await work.fetch(sql, account_id, position)]


async def records_after(work: Work, account_id: int, seq: int) -> list[Told]:
    """The next audit records of an account after a number, at most PAGE."""
    found = await work.fetch(
        "select seq, action, at from audit_record where account_id = $1 and seq > $2 order by seq limit $3",
        account_id,
        seq,
        PAGE,
    )
    return [Told(row["seq"], row["action"], row["at"], {"audit": row["seq"]}) for row in found]


async def since(work: Work, places: Mapping[int, int]) -> list[tuple[int, Told]]:
    """What has happened to several accounts, each after its place, in their orders; at most READ."""
    sql = (
        f"{_TOLD} join unnest($1::bigint[], $2::bigint[]) as w(account_id, place)"
        f" on o.account_id = w.account_id and o.position > w.place order by o.position limit {READ}"
    )
    return [(row["account_id"], _told(row)) for row in await work.fetch(sql, list(places), list(places.values()))]


def _told(row: Any) -> Told:
    return Told(row["position"], row["name"], row["at"], json.loads(row["about"]))


Carried = tuple[int | None, int | None, int | None, int | None]
"""What a bearer stands on: a session, a key, a person, and the epoch that the person was in."""

_OVER = """
    select w.place - 1 as place
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
        with ordinality as w(session, key, person, epoch, place)
    left join session s on s.id = w.session
    left join service_key k on k.id = w.key
    left join person p on p.id = w.person
    where w.session is not null and not coalesce(
            s.ended_at is null and s.expires_at > $5
            and coalesce(s.last_used_at + make_interval(secs => s.idle_seconds) > $5, true), false)
       or w.key is not null and not coalesce(k.revoked_at is null and k.expires_at > $5, false)
       or w.epoch is not null and p.epoch is distinct from w.epoch
"""


async def over(work: Work, carried: Iterable[Carried], now: datetime) -> list[int]:
    """The places in the list of those that let nobody in any more."""
    columns = [list(column) for column in zip(*carried, strict=True)]
    return [row["place"] for row in await work.fetch(_OVER, *columns, now)]
