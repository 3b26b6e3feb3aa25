"""What a coupon takes off stays once somebody redeemed it, and a code is not limited to fewer uses than it had."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- The second fence behind billing.coupon_diff.
        create function a_redeemed_coupon_is_immutable() returns trigger language plpgsql as $$
        begin
            if exists (select from promotion_code where coupon_id = old.id and redeemed > 0) then
                raise exception 'a redeemed coupon is immutable: another discount is another coupon';
            end if;
            return new;
        end $$;
        create trigger immutable before update on coupon for each row
            when ((old.percent, old.amounts, old.periods) is distinct from (new.percent, new.amounts, new.periods))
            execute function a_redeemed_coupon_is_immutable();

        alter table promotion_code add constraint used_within_its_limit check (redeemed <= most);
    """)
