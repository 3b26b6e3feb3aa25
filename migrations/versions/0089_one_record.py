"""One record at a time is written by three small statements, where a list of them takes a plan of a dozen steps."""

from __future__ import annotations

from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- One record of an account, with its hash, and its place in the outbox. The chain is locked from here on: call
        -- it last.
        create function audit_note(account bigint, number bigint, at timestamptz, action text, subject text,
            subject_id bigint, before text, after text, actor text, person bigint, impersonator bigint, token text,
            ip text, request text, reason text, said text, told bigint, told_at timestamptz, payload text) returns void
            language plpgsql set plan_cache_mode = force_generic_plan as $$
        declare place bigint; chained bytea;
        begin
            loop
                update audit_head h
                set seq = h.seq + 1,
                    hash = sha256(h.hash || convert_to('[' || $1 || ',' || h.seq + 1 || ',' || $16, 'UTF8'))
                where h.account_id = $1 returning h.seq, h.hash into place, chained;
                exit when found;
                insert into audit_head (account_id, seq, hash) values ($1, 0, decode(repeat('00', 32), 'hex'))
                on conflict do nothing;
            end loop;
            if $17 is not null then
                insert into outbox (id, account_id, at, name, payload, request_id)
                values ($17, $1, $18, $4, $19::jsonb, $14);
            end if;
            insert into audit_record (account_id, seq, id, at, action, subject, subject_id, before, after,
                actor, person_id, impersonator_id, token, ip, request_id, reason, hash)
            values ($1, place, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9, $10, $11, $12, $13, $14, $15, chained);
        end $$;

        -- Nearly always all events of a statement are of one account.
        create or replace function tell_outbox() returns trigger language plpgsql as $$
        declare least bigint; most bigint;
        begin
            select min(account_id), max(account_id) from told into least, most;
            if least = most then
                perform pg_notify('seatgraph_told', least::text);
                return null;
            end if;
            perform pg_notify('seatgraph_told', string_agg(account_id::text, ','))
            from (select account_id, (row_number() over () - 1) / 300 as part from told group by account_id) t
            group by part;
            return null;
        end $$;
    """)
