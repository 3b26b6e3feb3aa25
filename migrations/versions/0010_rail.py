"""Turns at the rail: when the next call of it may begin."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- Nothing is lost with it: whoever finds no row begins at once.
        create unlogged table rail_turn (
            operation text primary key,
            next_at   bigint not null
        );
        grant select, insert, update on rail_turn to seatgraph_app;

        -- Take the next turn of an operation. Microseconds until it begins; below zero, and without a turn,
        -- how long the line is when that is more than `patience`. `spacing` is the time between two turns.
        create function rail_take_turn(asked text, spacing_of_all bigint, spacing bigint, patience bigint)
        returns bigint language plpgsql as $$
        declare
            instant constant bigint := extract(epoch from clock_timestamp()) * 1000000;
            begins bigint;
        begin
            insert into rail_turn values ('*', 0), (asked, 0) on conflict do nothing;
            -- In one order, so that two never wait for each other.
            perform from rail_turn where operation in ('*', asked) order by operation for update;
            select greatest(instant, max(next_at)) into begins from rail_turn where operation in ('*', asked);
            if begins - instant > patience then
                return instant - begins;
            end if;
            update rail_turn set next_at = begins + case operation when '*' then spacing_of_all else spacing end
                where operation in ('*', asked);
            return begins - instant;
        end $$;
    """)
