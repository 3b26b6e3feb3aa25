"""What we ask about seats that people lost a short time ago."""

from __future__ import annotations

from kernel.work import Work
from seats.restoring import RESTORABLE_FOR, Sat
from seats.seating import SeatSource


async def lost(work: Work, account_id: int, pool_id: int, into: int) -> list[Sat]:
    """Who lost a seat of a pool and may have it back, each once, whoever sat longest first; nothing is locked.

    `into` is the pool that would seat them. Whoever only waited never sat: their span is empty. Whoever had a seat of
    either pool since, or one in place of this, and lost that lost it for a reason of its own, and a seat that was kept
    was suspended by nobody.
    """
    rows = await work.fetch(
        "select s.id as seat_id, s.person_id, coalesce(p.lower_email, s.email) as email, s.source,"
        " s.suspended_at is not null and s.suspended_at is distinct from s.kept_since as suspended,"
        " m.id is not null and coalesce(p.email_verified, false) as member,"
        " exists (select from assignment h where h.account_id = $1 and h.pool_id = $3 and h.person_key = s.person_key"
        "  and h.state in ('invited', 'active', 'suspended')) or exists (select from assignment h"
        "  where h.account_id = $1 and h.in_place_of = s.id and h.state in ('invited', 'active', 'suspended')) as held"
        " from (select distinct on (a.person_id) a.* from assignment a"
        "  join unnest($4::text[], $5::timestamptz[]) as t(loss, since)"
        "  on t.loss = a.loss and t.since < a.released_at"
        "  where a.account_id = $1 and a.pool_id = $2 and a.state = 'released' and a.person_id is not null"
        "  and a.since < a.released_at"
        "  and not exists (select from assignment l where l.account_id = $1 and l.pool_id in ($2, $3)"
        "   and l.person_id = a.person_id and l.state = 'released' and l.since < l.released_at"
        "   and (l.released_at, l.id) > (a.released_at, a.id))"
        "  and not exists (select from assignment l where l.account_id = $1 and l.in_place_of = a.id"
        "   and l.state = 'released' and l.since < l.released_at)"
        "  order by a.person_id, a.released_at desc, a.id desc) s"
        " left join person p on p.id = s.person_id"
        " left join member m on m.account_id = $1 and m.person_id = s.person_id and m.state = 'active'"
        " order by s.since, s.id",
        account_id,
        pool_id,
        into,
        list(RESTORABLE_FOR),
        [work.now - ago for ago in RESTORABLE_FOR.values()],
    )
    return [Sat(**{**row, "source": SeatSource(row["source"])}) for row in rows]
