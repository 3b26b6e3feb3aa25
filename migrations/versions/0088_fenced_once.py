"""Seats that many race for: the calls ask the fence once, and pools keep room for what changes often."""

from __future__ import annotations

from alembic import op

revision = "0088"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Row-level security asks of every row of every statement whose it is, and each answer is planned and begun anew:
    # two fifths of what such a call takes. These calls are about one account, which each of their predicates names; so
    # they ask once, for the very account that row-level security would ask for, and then run as the tables' owner.
    op.execute("""
        -- Whom row-level security doesn't bind isn't asked: the role that called, for within a call it is the owner.
        create function insist_on(account bigint) returns void language plpgsql stable as $$
        declare caller text := coalesce(nullif(current_setting('role'), 'none'), session_user);
        begin
            if account is distinct from app_number('account') and not exists (
                select from pg_roles r where r.rolname = caller and (r.rolsuper or r.rolbypassrls or r.oid = (
                    select c.relowner from pg_class c where c.oid = 'assignment'::regclass)))
            then
                raise exception 'this transaction may not write rows of account %', account
                    using errcode = 'insufficient_privilege';
            end if;
        end $$;

        create or replace function seat_outlook(told json, account bigint, pool bigint, seat bigint, address text,
            at timestamptz)
            returns table (account_id bigint, id bigint, plan_id bigint, name text, purchased integer,
                assigned integer, set_apart integer, closed boolean, person_id bigint, held boolean, waits boolean,
                overdue boolean)
            language plpgsql security definer set search_path = public, pg_temp
            set plan_cache_mode = force_generic_plan as $$
        begin
            perform set_config('app.' || key, value, true) from json_each_text(told);
            perform insist_on($2);
            return query
            select p.account_id, p.id, p.plan_id, p.name, p.purchased, p.assigned, p.set_apart,
                p.closed_at is not null, m.person_id,
                exists (select from assignment a where a.account_id = p.account_id and a.pool_id = p.id
                    and a.person_key = coalesce(m.person_id::text, $5)
                    and a.state in ('invited', 'active', 'suspended')),
                exists (select from assignment a where a.account_id = p.account_id and a.pool_id = p.id
                    and a.person_key = coalesce(m.person_id::text, $5) and a.state = 'waitlisted'),
                exists (select from invitation i where i.account_id = p.account_id and i.state = 'pending'
                    and i.expires_at <= $6)
            from license_pool p left join lateral (
                select m.person_id from person q join member m on m.account_id = p.account_id and m.person_id = q.id
                where q.lower_email = $5 and q.email_verified and m.state = 'active' limit 1) m on true
            where p.account_id = $2 and p.id = coalesce(
                $3, (select s.pool_id from assignment s where s.account_id = $2 and s.id = $4));
        end $$;

        create or replace function seat_as_it_is(told json, account bigint, seat bigint) returns setof assignment
            language plpgsql security definer set search_path = public, pg_temp
            set plan_cache_mode = force_generic_plan as $$
        begin
            perform set_config('app.' || key, value, true) from json_each_text(told);
            perform insist_on($2);
            return query select * from assignment s where s.account_id = $2 and s.id = $3;
        end $$;

        create or replace function seat_taken(account bigint, number bigint, pool bigint, plan bigint, address text,
            person bigint, came_by text, at timestamptz) returns void
            language plpgsql security definer set search_path = public, pg_temp
            set plan_cache_mode = force_generic_plan as $$
        begin
            perform insist_on($1);
            perform from workspace w where w.id = $1 for key share;
            perform from member m where m.account_id = $1 and m.person_id = $6 and m.state = 'active' for key share;
            if not found then perform has_moved('member'); end if;
            insert into assignment
                (account_id, id, pool_id, plan_id, email, person_id, person_key, state, source, since)
            values ($1, $2, $3, $4, $5, $6, $6::text, 'active', $7, $8)
            on conflict (account_id, pool_id, person_key) where state in ('invited', 'active', 'suspended') do nothing;
            if not found then perform has_moved('seat'); end if;
            update license_pool p set assigned = p.assigned + 1
            where p.account_id = $1 and p.id = $3 and p.closed_at is null
                and p.assigned + p.set_apart < p.purchased;
            if not found then perform has_moved('pool'); end if;
        end $$;

        create or replace function seat_freed(account bigint, number bigint, pool bigint, was text, at timestamptz,
            why text) returns void
            language plpgsql security definer set search_path = public, pg_temp
            set plan_cache_mode = force_generic_plan as $$
        begin
            perform insist_on($1);
            update assignment a set state = 'released', released_at = $5, release_reason = $6
            where a.account_id = $1 and a.id = $2 and a.state = $4 and a.seat_group_id is null;
            if not found then perform has_moved('seat'); end if;
            update license_pool p set assigned = p.assigned - 1 where p.account_id = $1 and p.id = $3;
            -- Whoever waits was there before the pool was locked, or looks once more when it no longer is.
            if exists (select from assignment a where a.account_id = $1 and a.pool_id = $3 and a.state = 'waitlisted')
            then perform has_moved('line'); end if;
        end $$;

        create or replace function seat_handed_on(account bigint, number bigint, pool bigint, plan bigint, address text,
            person bigint, came_by text, at timestamptz, gone bigint, was text, why text) returns void
            language plpgsql security definer set search_path = public, pg_temp
            set plan_cache_mode = force_generic_plan as $$
        begin
            perform insist_on($1);
            perform from workspace w where w.id = $1 for key share;
            perform from member m where m.account_id = $1 and m.person_id = $6 and m.state = 'active' for key share;
            if not found then perform has_moved('member'); end if;
            update assignment a set state = 'released', released_at = $8, release_reason = $11
            where a.account_id = $1 and a.id = $9 and a.pool_id = $3 and a.state = $10 and a.seat_group_id is null;
            if not found then perform has_moved('seat'); end if;
            insert into assignment
                (account_id, id, pool_id, plan_id, email, person_id, person_key, state, source, since)
            values ($1, $2, $3, $4, $5, $6, $6::text, 'active', $7, $8)
            on conflict (account_id, pool_id, person_key) where state in ('invited', 'active', 'suspended') do nothing;
            if not found then perform has_moved('seat'); end if;
        end $$;
    """)
    for call in (
        "seat_outlook(json, bigint, bigint, bigint, text, timestamptz)",
        "seat_as_it_is(json, bigint, bigint)",
        "seat_taken(bigint, bigint, bigint, bigint, text, bigint, text, timestamptz)",
        "seat_freed(bigint, bigint, bigint, text, timestamptz, text)",
        "seat_handed_on(bigint, bigint, bigint, bigint, text, bigint, text, timestamptz, bigint, text, text)",
    ):
        op.execute(f"revoke execute on function {call} from public; grant execute on function {call} to seatgraph_app")
    # A pool's row changes with every seat: a page that is filled to its half is cleared of old versions while the few
    # that anybody may still see find room in it.
    op.execute("alter table license_pool set (fillfactor = 50)")
