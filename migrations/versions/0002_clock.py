"""The simulated clock: how far development is from the time of day."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        create table clock (
            id    smallint primary key check (id = 1),
            -- Microseconds added to the time of day; null until somebody moves the clock.
            moved bigint
        );
        insert into clock (id) values (1);

        -- The second fence behind kernel.clock.advance: time only moves forward.
        create function clock_moves_forward() returns trigger language plpgsql as $$
        begin
            if new.moved is null or new.moved < old.moved then
                raise exception 'The clock only moves forward.' using errcode = 'check_violation';
            end if;
            return new;
        end $$;
        create trigger clock_moves_forward before update on clock
            for each row execute function clock_moves_forward();

        grant select, update (moved) on clock to seatgraph_app;
    """)
