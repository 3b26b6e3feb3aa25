"""What we ask about the people of a list, and about the pools it may seat them in; nothing is locked."""

from __future__ import annotations

from collections.abc import Sequence

from auth.policy import Role
from kernel import ids
from kernel.work import Work
from seats import queries
from seats.listing import Known, OpenPool


async def known(work: Work, account_id: int, emails: Sequence[str]) -> Known:
    """What is known of these addresses, and of every open pool of a workspace.

    Whoever was invited and didn't answer in time has no seat any more, and no invitation.
    """
    members = {
        row["email"]: (row["id"], Role(row["role"]))
        for row in await work.fetch(
            "select p.lower_email as email, p.id, m.role from member m join person p on p.id = m.person_id"
            " where m.account_id = $1 and m.state = 'active' and p.email_verified"
            " and p.lower_email = any($2::text[])",
            account_id,
            list(emails),
        )
    }
    invited = await work.fetch(
        "select email, role from invitation where account_id = $1 and state = 'pending' and expires_at > $2"
        " and email = any($3::text[])",
        account_id,
        work.now,
        list(emails),
    )
    overdue = await queries.unanswered(work, account_id, work.now)
    seated = await work.fetch(
        "select a.pool_id, a.person_key from assignment a where a.account_id = $1 and a.person_id = any($4::bigint[])"
        " and a.state in ('invited', 'active', 'suspended')"
        " and not (a.state = 'invited' and a.email = any($2::text[]))"
        " union all"
        " select a.pool_id, a.person_key from assignment a where a.account_id = $1 and a.email = any($3::text[])"
        " and a.person_id is null and a.state = 'invited' and not a.email = any($2::text[])",
        account_id,
        overdue,
        list(emails),
        [number for number, _ in members.values()],
    )
    return Known(
        await _pools(work, account_id, overdue),
        members,
        {row["email"]: Role(row["role"]) for row in invited},
        {(row["pool_id"], row["person_key"]) for row in seated},
    )


async def _pools(work: Work, account_id: int, overdue: Sequence[str]) -> dict[str, list[OpenPool]]:
    rows = await work.fetch(
        "select p.id, p.name, n.key, p.purchased, p.purchased - p.assigned - p.set_apart + (select count(*)"
        "   from assignment a where a.account_id = p.account_id and a.pool_id = p.id and a.state = 'invited'"
        "   and a.seat_group_id is null and a.email = any($2::text[])) as free"
        " from license_pool p join plan n on n.id = p.plan_id"
        " where p.account_id = $1 and p.closed_at is null order by p.id",
        account_id,
        overdue,
    )
    found: dict[str, list[OpenPool]] = {}
    for row in rows:
        pool = OpenPool(row["id"], row["name"], row["key"], row["purchased"], row["free"])
        for name in {pool.name.lower(), pool.plan.lower(), ids.encode("pool", pool.id).lower()}:
            found.setdefault(name, []).append(pool)
    return found
