"""Letters: what people are told by mail."""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table letter (
            account_id bigint not null references account,
            id         bigint not null unique,
            kind       text not null,
            about      text not null,
            address    text not null,
            locale     text not null,
            time_zone  text not null,
            told       jsonb not null,
            created_at timestamptz not null,
            next_at    timestamptz,
            tries      integer not null default 0,
            posted_at  timestamptz,
            failure    text,
            primary key (account_id, id)
        );
        create unique index one_letter_a_reader on letter (account_id, kind, about, address);
        create index letters_due on letter (next_at, account_id, id) where next_at is not null;

        alter table letter enable row level security;
        create policy seen on letter for select using ((select app_staff()));
        create policy written on letter using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        create policy forgotten on letter for delete using ((select app_staff()));
        grant select, insert, update, delete on letter to seatgraph_app;
    """)
