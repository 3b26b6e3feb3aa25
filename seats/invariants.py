"""Invariants of seats: what must hold of pools, of who sits in them, and of the workspaces around them.

Each is a name, the article of the law it follows from, and SQL that gives the rows
that break it, with a reason. `verify` runs them in one snapshot.
"""

from __future__ import annotations

from billing.invariants import Invariant

_HELD = "('invited', 'active', 'suspended')"

INVARIANTS = (
    Invariant(
        "A license pool counts exactly the seats that are held.",
        19,
        f"""
            select format('license_pool %s/%s', p.account_id, p.id),
                   format('counts %s seats, and %s are held', p.assigned, count(a.id))
            from license_pool p
            left join assignment a on a.account_id = p.account_id and a.pool_id = p.id and a.state in {_HELD}
            group by p.account_id, p.id
            having p.assigned <> count(a.id)
        """,  # noqa: S608 - constant words
    ),
    Invariant(
        "No license pool has more seats assigned than were purchased.",
        19,
        """
            select format('license_pool %s/%s', account_id, id),
                   format('%s seats are assigned, and %s were purchased', assigned, purchased)
            from license_pool where assigned > purchased
        """,
    ),
    Invariant(
        "A seat group counts exactly the seats of it that are held.",
        19,
        f"""
            select format('seat_group %s/%s', g.account_id, g.id),
                   format('counts %s seats of %s, and %s are held', g.assigned, g.allocation, count(a.id))
            from seat_group g
            left join assignment a on a.account_id = g.account_id and a.seat_group_id = g.id and a.state in {_HELD}
            group by g.account_id, g.id
            having g.assigned <> count(a.id) or g.assigned > g.allocation
        """,  # noqa: S608 - constant words
    ),
    Invariant(
        "A license pool sets apart what its seat groups have and have not taken.",
        19,
        """
            select format('license_pool %s/%s', p.account_id, p.id),
                   format('sets %s seats apart, and its groups have %s free', p.set_apart,
                          coalesce(sum(g.allocation - g.assigned), 0))
            from license_pool p
            left join seat_group g on g.account_id = p.account_id and g.pool_id = p.id
            group by p.account_id, p.id
            having p.set_apart <> coalesce(sum(g.allocation - g.assigned), 0)
        """,
    ),
    Invariant(
        "The seat groups of a pool have no more seats together than were purchased.",
        19,
        """
            select format('license_pool %s/%s', p.account_id, p.id),
                   format('has %s seats, and its groups %s', p.purchased, sum(g.allocation))
            from license_pool p
            join seat_group g on g.account_id = p.account_id and g.pool_id = p.id
            group by p.account_id, p.id
            having p.purchased < sum(g.allocation)
        """,
    ),
    Invariant(
        "One person holds one seat of a pool.",
        19,
        f"""
            select format('assignment %s/%s', account_id, max(id)),
                   format('is seat %s of %s in license_pool %s', count(*), person_key, pool_id)
            from assignment where state in {_HELD}
            group by account_id, pool_id, person_key
            having count(*) > 1
        """,  # noqa: S608 - constant words
    ),
    Invariant(
        "A seat is held under its person's number, or under their address until they accept.",
        19,
        """
            select format('assignment %s/%s', account_id, id), format('is held under %s', person_key)
            from assignment where person_key <> coalesce(person_id::text, email)
        """,
    ),
    Invariant(
        "Whoever holds an active or suspended seat is an active member, unless it is kept for them.",
        20,
        """
            select format('assignment %s/%s', a.account_id, a.id),
                   format('is %s, and person %s is no active member', a.state, a.person_id)
            from assignment a
            left join member m on m.account_id = a.account_id and m.person_id = a.person_id and m.state = 'active'
            where a.state in ('active', 'suspended') and a.kept_until is null and m.id is null
        """,
    ),
    Invariant(
        "A seat is kept for nobody who was to be back two days ago.",
        20,
        """
            select format('assignment %s/%s', a.account_id, a.id), format('is kept until %s', a.kept_until)
            from assignment a, clock c
            where a.state = 'suspended'
              and a.kept_until < now() + coalesce(c.moved, 0) * interval '1 microsecond' - interval '2 days'
        """,
    ),
    Invariant(
        "A closed pool holds no seats.",
        20,
        """
            select format('license_pool %s/%s', account_id, id), format('is closed and counts %s seats', assigned)
            from license_pool where closed_at is not null and assigned > 0
        """,
    ),
    Invariant(
        "The pools of an ended subscription are closed once everybody was told of its end.",
        20,
        """
            select format('license_pool %s/%s', p.account_id, p.id),
                   format('is open, and subscription %s ended at %s', s.id, s.ended_at)
            from license_pool p
            join subscription s on s.account_id = p.account_id and s.id = p.subscription_id
            where p.closed_at is null and s.ended_at is not null
              and not exists (select from outbox o where o.delivered_at is null and o.account_id = p.account_id
                              and o.name = 'subscription.canceled' and (o.payload ->> 'subscription')::bigint = s.id)
        """,
    ),
    Invariant(
        "An open pool has as many seats as its subscription item pays for.",
        21,
        """
            select format('license_pool %s/%s', p.account_id, p.id),
                   format('has %s seats, and its item pays for %s', p.purchased, i.quantity)
            from license_pool p
            join subscription_item i on i.account_id = p.account_id and i.id = p.subscription_item_id
            where p.closed_at is null and i.ended_at is null and p.purchased <> i.quantity
        """,
    ),
    Invariant(
        "A pool and its seats are of the plan and the subscription that pay for them.",
        19,
        """
            select format('license_pool %s/%s', p.account_id, p.id),
                   format('is of plan %s and subscription %s, and its item of %s and %s',
                          p.plan_id, p.subscription_id,
                          coalesce(i.plan_id::text, 'none'), coalesce(i.subscription_id::text, 'none'))
            from license_pool p
            left join subscription_item i on i.account_id = p.account_id and i.id = p.subscription_item_id
            where (p.plan_id, p.subscription_id) is distinct from (i.plan_id, i.subscription_id)
            union all
            select format('assignment %s/%s', a.account_id, a.id),
                   format('is of plan %s, and its pool of %s', a.plan_id, coalesce(p.plan_id::text, 'none'))
            from assignment a
            left join license_pool p on p.account_id = a.account_id and p.id = a.pool_id
            where a.plan_id is distinct from p.plan_id
        """,
    ),
    Invariant(
        "Every workspace keeps an active owner.",
        23,
        """
            select format('workspace %s', w.id), 'has no active owner'
            from workspace w
            where not exists (select from member m
                              where m.account_id = w.id and m.role = 'owner' and m.state = 'active')
        """,
    ),
)
