// What these servers ask PostgreSQL, as somebody would who cares: few columns, a statement for each batch, and prepared.
// A question about many gives one answer for each of them, in their order.
import pg from "pg";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export const pool = new pg.Pool({ max: 8 });

const asked = async (name, text, ...values) => (await pool.query({ name, text, values })).rows;

const only = (rows) => rows[0] ?? null;
const distinct = (rows, column) => [...new Set(rows.map((row) => row[column]))];

function oneEach(found, wanted) {
  const byId = new Map(found.map((row) => [row.id, row]));
  return wanted.map((id) => byId.get(id) ?? null);
}

function listEach(found, parents) {
  const byParent = new Map(parents.map((parent) => [parent.id, []]));
  for (const row of found) byParent.get(row.parent).push(row);
  return parents.map((parent) => byParent.get(parent.id));
}

const ids = (rows) => rows.map((row) => row.id);

const page = (rows, first, place) => {
  const nodes = rows.length > first ? rows.slice(0, first) : rows;
  const last = nodes.at(-1);
  const endCursor = last ? Buffer.from(JSON.stringify([last[place], last.id])).toString("base64url") : null;
  return { nodes, pageInfo: { hasNextPage: rows.length > first, endCursor } };
};

// One row

export const person = async (id) => only(await asked("person", "select id, name, email from person where id = $1", id));

export const account = async (id) => only(await asked("account", "select id, name from account where id = $1", id));

export const accountOf = async (person) =>
  only(await asked("accountOf", "select id, name from account where person_id = $1", person));

export const workspace = async (id) => only(await asked("workspace", "select id from workspace where id = $1", id));

// Lists of one

const SEATS = `select id, upper(state) as state, since, person_id, plan_id from assignment
  where account_id = $1 order by since, id limit $2`;
export const seatsOf = async (workspace, first) =>
  page(await asked("seatsOf", SEATS, workspace, first + 1), first, "since");

const INVOICES = `select account_id, id, number, upper(state) as state, created_at as "createdAt", total_minor, currency
  from invoice where account_id = $1 order by created_at desc, id desc limit $2`;
export const invoicesOf = async (account, first) =>
  page(await asked("invoicesOf", INVOICES, account, first + 1), first, "createdAt");

const PLANS = `select id, key, name ->> 'en' as name, description ->> 'en' as description from plan`;
export const plans = () => asked("plans", `${PLANS} where archived_at is null order by position, id`);

// Of many at once

export const plansAt = async (rows) =>
  oneEach(
    await asked("plansAt", `${PLANS} where id = any ($1::bigint[])`, distinct(rows, "plan_id")),
    rows.map((row) => row.plan_id),
  );

const PEOPLE = "select id, name, email from person where id = any ($1::bigint[])";
export const peopleAt = async (rows) =>
  oneEach(
    await asked("peopleAt", PEOPLE, distinct(rows, "person_id")),
    rows.map((row) => row.person_id),
  );

const METHODS = `select account_id as parent, id, upper(kind) as kind, brand, last4, expires_on as "expiresOn",
  is_default as "isDefault" from payment_method
  where account_id = any ($1::bigint[]) and detached_at is null order by account_id, id`;
export const methodsOf = async (accounts) => listEach(await asked("methodsOf", METHODS, ids(accounts)), accounts);

const SUBSCRIPTIONS = `select s.* from unnest($1::bigint[]) a (id) cross join lateral (
  select account_id as parent, id, plan_id, upper(state) as state, upper(interval) as interval,
    period_end as "periodEnd", created_at
  from subscription where account_id = a.id order by created_at, id limit $2) s`;
export const subscriptionsOf = async (accounts, { first }) =>
  listEach(await asked("subscriptionsOf", SUBSCRIPTIONS, ids(accounts), first + 1), accounts).map((rows) =>
    page(rows, first, "created_at"),
  );

const LINES = `select l.invoice_id as parent, l.description, l.quantity, l.amount_minor, l.currency
  from unnest($1::bigint[], $2::bigint[]) i (account_id, id)
  join line_item l on l.account_id = i.account_id and l.invoice_id = i.id order by l.invoice_id, l.position`;
export const linesOf = async (invoices) =>
  listEach(
    await asked(
      "linesOf",
      LINES,
      invoices.map((invoice) => invoice.account_id),
      ids(invoices),
    ),
    invoices,
  );

const VERSIONS = `select distinct on (plan_id) plan_id, id, number from plan_version
  where plan_id = any ($1::bigint[]) order by plan_id, number desc`;
export const versionOf = async (plans) => {
  const found = await asked("versionOf", VERSIONS, ids(plans));
  const byPlan = new Map(found.map((row) => [row.plan_id, row]));
  return plans.map((plan) => byPlan.get(plan.id));
};

const PRICES = `select plan_version_id as parent, key, upper(interval) as interval, amount_minor, currency from price
  where plan_version_id = any ($1::bigint[]) and currency = $2 order by plan_version_id, id`;
export const pricesOf = async (versions, { currency }) =>
  listEach(await asked("pricesOf", PRICES, ids(versions), currency), versions);

// A change

const TAKE = `update license_pool set assigned = assigned + 1
  where id = $1 and assigned + set_apart < purchased returning account_id, plan_id`;
const SEAT = `insert into assignment
  (account_id, id, pool_id, plan_id, email, person_id, person_key, state, source, since)
  select $1, nextval('measured_seat'), $2, $3, email, id, id::text, 'active', 'manual', now()
  from person where lower_email = lower($4) returning id, upper(state) as state, email, since, person_id, plan_id`;

export async function assign(poolId, email) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const taken = only((await client.query({ name: "take", text: TAKE, values: [poolId] })).rows);
    if (!taken) {
      await client.query("rollback");
      return null;
    }
    const values = [taken.account_id, poolId, taken.plan_id, email];
    const seat = only((await client.query({ name: "seat", text: SEAT, values })).rows);
    await client.query("commit");
    return seat;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}
