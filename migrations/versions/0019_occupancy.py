"""Who sat in the seats that a line bills, for whoever sees the invoice."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- A billing admin sees for how long seats were taken, and not by whom: that is for those who see seats.
        -- A pool in which nobody sat gives one row without a seat.
        create function sitters(accounts bigint[], items bigint[], starts timestamptz[], ends timestamptz[])
            returns table (place bigint, seat_id bigint, since timestamptz, released_at timestamptz, state text,
                           email text, person_id bigint)
            language sql stable security definer set search_path = public, pg_temp as $$
            select t.place, a.id, a.since, a.released_at, a.state,
                   case when s.seen then a.email end, case when s.seen then a.person_id end
            from unnest(accounts, items, starts, ends)
                with ordinality as t(account_id, item_id, starts_at, ends_at, place)
            join license_pool p on p.account_id = t.account_id and p.subscription_item_id = t.item_id
            cross join lateral (
                select p.account_id = any ((select app_accounts('see_seats'))::bigint[])
                    or (select app_staff()) as seen) s
            left join assignment a on a.account_id = p.account_id and a.pool_id = p.id and a.since < t.ends_at
                and (a.released_at is null or a.released_at > t.starts_at) and a.state <> 'waitlisted'
            where p.account_id = any ((select app_accounts('see_invoices'))::bigint[]) or (select app_staff())
            order by t.place, a.since, a.id
            $$;
    """)
