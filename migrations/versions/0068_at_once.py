"""Records and seats, each written by a function, so that a change takes as few round trips as it can."""

from __future__ import annotations

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- What was decided on isn't so any more: whoever is told this looks again, behind locks.
        create function has_moved(what text) returns void language plpgsql as $$
        begin
            raise exception 'the % has moved', what using errcode = 'SG001', detail = what;
        end $$;

        -- Records of one account, in this order, with their hashes; and the outbox, which takes places in the same
        -- order. The chain is locked from here on: call it last.
        create function audit_append(account bigint, ids bigint[], ats timestamptz[], actions text[], subjects text[],
            subject_ids bigint[], befores text[], afters text[], actors text[], people bigint[],
            impersonators bigint[], tokens text[], ips text[], requests text[], reasons text[], saids text[],
            tolds bigint[], told_ats timestamptz[], payloads text[]) returns void
            language plpgsql set plan_cache_mode = force_generic_plan as $$
        begin
            loop
                with head as materialized (
                    select seq, hash from audit_head where account_id = $1 for no key update),
                entry as (
                    select * from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                        $19) with ordinality as t(id, at, action, subject, subject_id, before, after, actor, person_id,
                            impersonator_id, token, ip, request_id, reason, said, told, told_at, payload, place)),
                chain as (
                    select e.*, h.seq + e.place as seq,
                        audit_chained(h.hash, '[' || $1 || ',' || h.seq + e.place || ',' || e.said)
                            over (order by e.place) as hash
                    from head h, entry e),
                last as (select seq, hash from chain order by seq desc limit 1),
                moved as (update audit_head h set seq = l.seq, hash = l.hash from last l where h.account_id = $1),
                told as (
                    insert into outbox (id, account_id, at, name, payload, request_id)
                    select c.told, $1, c.told_at, c.action, c.payload::jsonb, c.request_id
                    from chain c where c.told is not null order by c.place)
                insert into audit_record (account_id, seq, id, at, action, subject, subject_id, before, after,
                    actor, person_id, impersonator_id, token, ip, request_id, reason, hash)
                select $1, c.seq, c.id, c.at, c.action, c.subject, c.subject_id, c.before::jsonb, c.after::jsonb,
                    c.actor, c.person_id, c.impersonator_id, c.token, c.ip, c.request_id, c.reason, c.hash from chain c;
                exit when found or cardinality($2) = 0;
                insert into audit_head (account_id, seq, hash) values ($1, 0, decode(repeat('00', 32), 'hex'))
                on conflict do nothing;
            end loop;
        end $$;

        -- What somebody meets who wants a seat of a pool, or of the pool that a seat is of, in one snapshot.
        create function seat_outlook(told json, account bigint, pool bigint, seat bigint, address text, at timestamptz)
            returns table (account_id bigint, id bigint, plan_id bigint, name text, purchased integer,
                assigned integer, set_apart integer, closed boolean, person_id bigint, held boolean, waits boolean,
                overdue boolean)
            language plpgsql set plan_cache_mode = force_generic_plan as $$
        begin
            perform set_config('app.' || key, value, true) from json_each_text(told);
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

        create function seat_as_it_is(told json, account bigint, seat bigint) returns setof assignment
            language plpgsql set plan_cache_mode = force_generic_plan as $$
        begin
            perform set_config('app.' || key, value, true) from json_each_text(told);
            return query select * from assignment s where s.account_id = $2 and s.id = $3;
        end $$;

        -- A member sits down, and is counted; nobody is removed from then on.
        create function seat_taken(account bigint, number bigint, pool bigint, plan bigint, address text,
            person bigint, came_by text, at timestamptz) returns void
            language plpgsql set plan_cache_mode = force_generic_plan as $$
        begin
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

        -- Somebody stands up whose seat belongs to no group, where nobody waits for it.
        create function seat_freed(account bigint, number bigint, pool bigint, was text, at timestamptz, why text)
            returns void language plpgsql set plan_cache_mode = force_generic_plan as $$
        begin
            update assignment a set state = 'released', released_at = $5, release_reason = $6
            where a.account_id = $1 and a.id = $2 and a.state = $4 and a.seat_group_id is null;
            if not found then perform has_moved('seat'); end if;
            perform from license_pool p where p.account_id = $1 and p.id = $3 for no key update;
            -- Whoever waits was there before the pool was locked, or looks once more when it no longer is.
            if exists (select from assignment a where a.account_id = $1 and a.pool_id = $3 and a.state = 'waitlisted')
            then perform has_moved('line'); end if;
            update license_pool p set assigned = p.assigned - 1 where p.account_id = $1 and p.id = $3;
        end $$;

        -- One seat less and one more: the pool counts as many as before.
        create function seat_handed_on(account bigint, number bigint, pool bigint, plan bigint, address text,
            person bigint, came_by text, at timestamptz, gone bigint, was text, why text)
            returns void
            language plpgsql set plan_cache_mode = force_generic_plan as $$
        begin
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
