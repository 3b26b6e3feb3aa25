"""A pool gets another number of seats in the round trip that commits."""

from __future__ import annotations

from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- A pool that had so many seats has another number of them, where nobody waits for one.
        create function pool_resized(account bigint, pool bigint, had bigint, has bigint)
            returns void language plpgsql set plan_cache_mode = force_generic_plan as $$
        begin
            perform from license_pool p
            where p.account_id = $1 and p.id = $2 and p.purchased = $3 and p.closed_at is null for no key update;
            if not found then perform has_moved('pool'); end if;
            -- Whoever waits was there before the pool was locked, or looks once more when it no longer is.
            if exists (select from assignment a where a.account_id = $1 and a.pool_id = $2 and a.state = 'waitlisted')
            then perform has_moved('line'); end if;
            update license_pool p set purchased = $4
            where p.account_id = $1 and p.id = $2 and p.assigned + p.set_apart <= $4;
            if not found then perform has_moved('pool'); end if;
        end $$;
    """)
