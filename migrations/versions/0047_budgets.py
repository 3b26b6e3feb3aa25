"""Budgets: what everybody may still spend on requests."""

from __future__ import annotations

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- Nothing is lost with it: after a crash every budget is full.
        create unlogged table budget (
            name       text primary key check (length(name) <= 200),
            -- Thousandths of a point, below zero for what was spent too much.
            thousandths bigint not null,
            at         timestamptz not null
        );
        create index on budget (at);
        grant select, insert, update, delete on budget to seatgraph_app;

        -- Takes what each of these spent, and gives what is left to each. Everybody in one order, so that nobody
        -- waits for somebody who waits for them.
        create function settle_budgets(names text[], spent bigint[], most bigint, restored bigint)
            returns table (name text, points bigint) language sql as $$
            insert into budget as b (name, thousandths, at)
            select u.name, 1000 * greatest(most - u.spent, -most), clock_timestamp()
            from unnest(names, spent) as u(name, spent) order by u.name
            on conflict (name) do update set
                at = clock_timestamp(),
                -- What came back since, up to the most, less what was spent; nobody owes more than a whole budget.
                thousandths = greatest(-1000 * most, least(1000 * most, b.thousandths + greatest(0,
                    floor(1000 * restored * extract(epoch from clock_timestamp() - b.at))::bigint))
                    + excluded.thousandths - 1000 * most)
            returning b.name, floor(b.thousandths / 1000.0)::bigint
        $$;
    """)
