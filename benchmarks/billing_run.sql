-- Subscriptions that were billed for the month before, and are due within a day. Of number n the account is n,
-- its items are 10 n and above. `:count` is how many there are.

insert into plan values (1, 'pro', 'anyone', '{"en": "Pro"}', '{}', 1, now());
insert into plan_version values (1, 1, 1, 0, null, now());
insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule, meter, created_at)
select id, 1, 1, key, 'USD', 'month', rule ->> 'model', 0,
       rule || '{"count": 1, "proration": "second", "decrease": "at_renewal"}', case when key like 'm%' then key end, now()
from (values
    (1, 'flat', '{"model": "flat", "amount": "2000", "timing": "advance"}'::jsonb),
    (2, 'seat', '{"model": "per_unit", "amount": "1000", "timing": "advance"}'),
    (3, 'm1', '{"model": "per_unit", "amount": "0.5", "timing": "arrears"}'),
    (4, 'm2', '{"model": "graduated", "timing": "arrears", "tiers": [{"up_to": "1000", "unit": "2"}, {"unit": "1"}]}'),
    (5, 'm3', '{"model": "package", "amount": "300", "size": "100", "timing": "arrears"}')
) as t(id, key, rule);

create temporary table one on commit preserve rows as
select n, timestamptz '2026-01-05Z' + make_interval(secs => n % 80000) as since,
       timestamptz '2026-02-05Z' + make_interval(secs => n % 80000) as due,
       case when n % 10 in (7, 8) then 2 else 1 end as price,
       case when n % 10 in (7, 8) then 1 + n % 50 else 1 end as quantity
from generate_series(1, :count) n;

insert into account (id, kind, name, email, currency, country, locale, time_zone, created_at)
select n, 'workspace', 'Acme ' || n, n || '@example.test', 'USD', (array['US', 'DE', 'FR', 'JP', 'IE'])[1 + n % 5],
       'en', 'UTC', since from one;
insert into subscription (account_id, id, plan_id, plan_version_id, state, currency, interval, anchor, time_zone,
                          period_start, period_end, created_at)
select n, n, 1, 1, 'active', 'USD', 'month', since, 'UTC', since, due, since from one;
insert into subscription_item select n, 10 * n, n, 1, price, quantity, since from one;
insert into subscription_item
select n, 10 * n + meter, n, 1, 2 + meter, 0, since from one, generate_series(1, 3) meter where n % 10 = 9;
insert into subscription_cycle select n, 10 * n + 1, n, since, since at time zone 'UTC', 'UTC', 'month', 1 from one;
insert into item_step select n, 10 * n + 2, n, 10 * n, since, price, quantity from one;
insert into subscription_clock select n, n, due from one;

insert into invoice (account_id, id, subscription_id, number, state, currency, subtotal_minor, tax_minor, total_minor,
                     paid_minor, period_start, period_end, created_at, issued_at)
select n, 10 * n, n, 'OLD-' || n, 'open', 'USD', 2000 * quantity / price, 0, 2000 * quantity / price, 0, since, due,
       since, since from one;
insert into line_item (account_id, id, invoice_id, position, description, price_id, quantity, currency, amount_minor,
                       tax_minor, period_start, period_end, subscription_id, item_id, billed_period)
select n, 10 * n, 10 * n, 1, 'Pro', price, quantity, 'USD', 2000 * quantity / price, 0, since, due, n, 10 * n, since
from one;

insert into meter (key, aggregation) values ('m1', 'sum'), ('m2', 'sum'), ('m3', 'sum');
select usage_months('2026-01-01Z', '2026-05-01Z');
insert into usage_event (account_id, meter_id, at, key, subscription_id, batch_id, quantity)
select n, m.id, greatest(due, since) - interval '1 hour' * event, event::text, n, 1, 20 + n * m.id % 1000
from one, meter m, generate_series(1, 5) event where n % 10 = 9;
insert into usage_event (account_id, meter_id, at, key, subscription_id, batch_id, quantity)
select n, m.id, due + interval '1 month' - interval '1 hour' * event, event::text, n, 1, 20 + n * m.id % 1000
from one, meter m, generate_series(1, 5) event where n % 10 = 9;
select setval('id_block', :count * 20 / 1024 + 100);
