"""Coupons, the codes that grant them, and which discount of a subscription came from which."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table coupon (
            id          bigint primary key,
            key         text not null unique,
            name        jsonb not null,
            percent     text,
            amounts     jsonb,
            periods     integer check (periods > 0),
            plans       text[],
            created_at  timestamptz not null,
            archived_at timestamptz,
            check ((percent is null) <> (amounts is null))
        );
        -- The counter is the only thing that customers move, and a constraint keeps it within its limit.
        create table promotion_code (
            id          bigint primary key,
            coupon_id   bigint not null references coupon,
            code        text not null unique check (code ~ '^[A-Z0-9][A-Z0-9_-]{2,49}$'),
            most        integer check (most > 0),
            redeemed    integer not null default 0 check (redeemed >= 0),
            first_time  boolean not null default false,
            expires_at  timestamptz,
            created_at  timestamptz not null,
            archived_at timestamptz
        );
        create index on promotion_code (coupon_id);
        grant select on coupon, promotion_code to seatgraph_app;
        grant update (redeemed) on promotion_code to seatgraph_app;

        alter table subscription_discount
            add column coupon_id         bigint references coupon,
            add column promotion_code_id bigint references promotion_code,
            add constraint subscription_discount_id_key unique (id);
        -- The second fence behind billing.coupons: an account uses a code once.
        create unique index one_redemption_an_account on subscription_discount (account_id, promotion_code_id)
            where promotion_code_id is not null;
    """)
