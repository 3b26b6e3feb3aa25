// The part of the graph that is measured, for servers that take a schema and resolvers; relations are told apart, for
// each server batches them in its own way.
import { GraphQLScalarType } from "graphql";
import * as rows from "./rows.mjs";

export const typeDefs = /* GraphQL */ `
  scalar Instant
  scalar Long
  enum Direction { ASC DESC }
  enum InvoiceOrderField { CREATED_AT }
  input InvoiceOrder { field: InvoiceOrderField!, direction: Direction! }
  input AssignSeatInput { pool: ID!, email: String! }
  type Money { minor: Long!, currency: String!, text: String! }
  type PageInfo { hasNextPage: Boolean!, endCursor: String }
  type Person { id: ID!, name: String!, email: String! }
  type Account {
    id: ID!
    name: String!
    paymentMethods: [PaymentMethod!]!
    subscriptions(first: Int!): SubscriptionConnection!
    invoices(first: Int!, orderBy: InvoiceOrder!): InvoiceConnection!
  }
  type PaymentMethod { id: ID!, kind: String!, brand: String!, last4: String!, expiresOn: String, isDefault: Boolean! }
  type SubscriptionConnection { nodes: [Subscription!]!, pageInfo: PageInfo! }
  type Subscription { id: ID!, state: String!, interval: String!, periodEnd: Instant!, plan: Plan! }
  type Plan { id: ID!, key: String!, name: String!, description: String!, version: PlanVersion! }
  type PlanVersion { number: Int!, prices(currency: String!): [Price!]! }
  type Price { key: String!, interval: String!, amount: Money! }
  type InvoiceConnection { nodes: [Invoice!]!, pageInfo: PageInfo! }
  type Invoice {
    id: ID!
    number: String
    state: String!
    createdAt: Instant!
    total: Money!
    lineItems: [LineItem!]!
  }
  type LineItem { description: String!, quantity: Long!, amount: Money! }
  type Workspace { id: ID!, seats(first: Int!): SeatConnection! }
  type SeatConnection { nodes: [Seat!]!, pageInfo: PageInfo! }
  type Seat { id: ID!, state: String!, since: Instant!, email: String!, person: Person, plan: Plan! }
  type PoolExhausted { message: String! }
  union AssignSeatResult = Seat | PoolExhausted
  type Viewer { person: Person, account: Account }
  type Query {
    viewer: Viewer!
    account(id: ID!): Account
    workspace(id: ID!): Workspace
    plans: [Plan!]!
  }
  type Mutation { assignSeat(input: AssignSeatInput!): AssignSeatResult! }
`;

const scalar = (name, serialize) => new GraphQLScalarType({ name, serialize });

const DIGITS = { JPY: 0 };
const text = ({ minor, currency }) => {
  const digits = DIGITS[currency] ?? 2;
  return `${(minor / 10 ** digits).toFixed(digits)} ${currency}`;
};

const amount = (row) => ({ minor: row.amount_minor, currency: row.currency });

export const resolvers = {
  Instant: scalar("Instant", (value) => value.toISOString()),
  Long: scalar("Long", Number),
  Money: { text },
  Price: { amount },
  LineItem: { amount },
  Invoice: { total: (row) => ({ minor: row.total_minor, currency: row.currency }) },
  Account: { invoices: (account, { first }) => rows.invoicesOf(account.id, first) },
  Workspace: { seats: (workspace, { first }) => rows.seatsOf(workspace.id, first) },
  Viewer: {
    person: (_, __, { person }) => rows.person(person),
    account: (_, __, { person }) => rows.accountOf(person),
  },
  Query: {
    viewer: () => ({}),
    account: (_, { id }) => rows.account(id),
    workspace: (_, { id }) => rows.workspace(id),
    plans: () => rows.plans(),
  },
  Mutation: {
    async assignSeat(_, { input: { pool, email } }) {
      const seat = await rows.assign(pool, email);
      return seat
        ? { __typename: "Seat", ...seat }
        : { __typename: "PoolExhausted", message: "All seats are taken. Release one, or buy more." };
    },
  },
};

/** By type and field, what answers it for many objects at once. */
export const relations = {
  Account: { paymentMethods: rows.methodsOf, subscriptions: rows.subscriptionsOf },
  Subscription: { plan: rows.plansAt },
  Seat: { person: rows.peopleAt, plan: rows.plansAt },
  Invoice: { lineItems: rows.linesOf },
  Plan: { version: rows.versionOf },
  PlanVersion: { prices: rows.pricesOf },
};
