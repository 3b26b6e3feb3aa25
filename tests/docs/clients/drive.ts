// Drives the ready-made clients as an app would, against a server, and tells what came: one JSON object a line.
//
//     node drive.js '{"scene": "pages", "kind": "apollo", "host": "127.0.0.1:8000", "bearer": "…", …}'

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { fetchQuery, requestSubscription, type ConcreteRequest } from "relay-runtime";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import WebSocket from "ws";
import { idsOf, patient, registered, signed, type Ask, type Session } from "./asking.js";
import { asking, everything, exported } from "./internal/ask.js";
import { FindCustomerDocument, OpenInvoicesDocument } from "./internal/generated/documents.js";
import { AskForSeatDocument } from "./mobile/generated/documents.js";
import { outbox, type Waiting } from "./mobile/outbox.js";
import { session as renewing, type Tokens } from "./mobile/session.js";
import { codes, made, problem } from "./problems.js";
import invoiceList from "./relay/__generated__/InvoiceListQuery.graphql.js";
import invoiceChanged from "./relay/__generated__/InvoiceListSubscription.graphql.js";
import { environment } from "./relay/environment.js";
import { apollo } from "./web/apollo.js";
import {
  AssignSeatDocument,
  InvoicesDocument,
  MeDocument,
  PriceListDocument,
  SeatChangedDocument,
  SeatsDocument,
  type AssignSeatMutation,
  type InvoicesQuery,
  type SeatChangedSubscription,
} from "./web/generated/documents.js";
import { byId, socket } from "./web/socket.js";
import { onEvents, onSocket, urql } from "./web/urql.js";

interface Told {
  scene: string;
  kind: "apollo" | "urql" | "urql over events";
  host: string;
  bearer: string | null;
  client: string;
  manifest: string | null;
  account: string;
  workspace: string;
  pools: [string, string];
  plan: string;
  refresh: string;
}

const told = JSON.parse(process.argv[2]!) as Told;
const tell = (what: unknown) => void process.stdout.write(`${JSON.stringify(what)}\n`);
const address = `http://${told.host}/graphql`;

// What every scene asks with.

const me: Session = { bearer: async () => told.bearer, renew: async () => false };
const ids = told.manifest ? idsOf(JSON.parse(readFileSync(told.manifest, "utf8"))) : {};
const waiting = async (seconds: number) => {
  tell({ waiting: seconds });
  await once(process.stdin, "data");
};
const ask: Ask = registered(ids, told.client, signed(me, patient(fetch, 3, waiting)));
const wire = byId(ids, socket(address, me, WebSocket));

/** What both libraries do, in the words of neither. */
interface Library {
  query<Data, Variables extends Record<string, any>>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data>;
  change<Data, Variables extends Record<string, any>>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data>;
  follow<Data, Variables extends Record<string, any>>(document: TypedDocumentNode<Data, Variables>, variables: Variables, next: (data: Data) => void): void;
  pages(account: string): Promise<string[][]>;
}

const numbers = (data: InvoicesQuery) => data.account!.invoices.edges.map(({ node }) => node.id);

const withApollo = (): Library => {
  const client = apollo(address, ask, wire);
  return {
    query: async (query, variables) => (await client.query({ query, variables } as never)).data as never,
    change: async (mutation, variables) => (await client.mutate({ mutation, variables } as never)).data as never,
    follow: (query, variables, next) =>
      void client.subscribe({ query, variables } as never).subscribe(({ data, error }) => (error ? tell({ error: String(error) }) : next(data as never))),
    pages: async (account) => {
      const asked = { query: InvoicesDocument, variables: { account, first: 2 } };
      let { data } = await client.query(asked);
      const watched = client.watchQuery(asked);
      const grown = () => numbers(client.readQuery(asked)!);
      const shown = [grown()];
      while (data!.account!.invoices.pageInfo.hasNextPage) {
        const after = data!.account!.invoices.pageInfo.endCursor;
        ({ data } = await watched.fetchMore({ variables: { after } }));
        shown.push(grown());
      }
      return shown;
    },
  };
};

const withUrql = (): Library => {
  const client = urql(address, ask, told.kind === "urql" ? onSocket(wire) : onEvents(address, me));
  const insisted = <Data>({ data, error }: { data?: Data; error?: Error }): Data => {
    if (error || !data) throw error;
    return data;
  };
  return {
    query: async (document, variables) => insisted(await client.query(document, variables).toPromise()),
    change: async (document, variables) => insisted(await client.mutation(document, variables).toPromise()),
    follow: (document, variables, next) =>
      void client.subscription(document, variables).subscribe(({ data, error }) => (error ? tell({ error: String(error) }) : next(data!))),
    pages: async (account) => {
      const shown: string[][] = [[]];
      for (let after: string | null = null, more = true; more; ) {
        const data: InvoicesQuery = insisted(await client.query(InvoicesDocument, { account, first: 2, after }).toPromise());
        shown.push([...shown.at(-1)!, ...numbers(data)]);
        ({ hasNextPage: more, endCursor: after } = data.account!.invoices.pageInfo);
      }
      return shown.slice(1);
    },
  };
};

const library = (): Library => (told.kind === "apollo" ? withApollo() : withUrql());

/** The part of an outcome that a screen shows. */
const shown = (came: AssignSeatMutation["assignSeat"]) => {
  if (!made(came)) return { declined: problem(came), kind: came.__typename };
  return { kind: came.__typename, email: came.__typename === "Seat" ? came.email : null };
};

const changed = ({ seatChanged }: SeatChangedSubscription) => [seatChanged.event, seatChanged.seat.email];

const scenes: Record<string, () => Promise<void>> = {
  pages: async () => tell({ pages: await library().pages(told.account) }),

  seat: async () => {
    const { change } = library();
    const give = (pool: string, idempotencyKey: string) =>
      change(AssignSeatDocument, { input: { pool, email: "ada@example.test", idempotencyKey } });
    const [full, roomy] = told.pools;
    tell({ full: shown((await give(full, "one")).assignSeat) });
    const [first, again] = [(await give(roomy, "two")).assignSeat, (await give(roomy, "two")).assignSeat];
    tell({ roomy: shown(first), same: JSON.stringify(first) === JSON.stringify(again) });
  },

  follow: async () => library().follow(SeatChangedDocument, { workspace: told.workspace }, (data) => tell({ next: changed(data) })),

  refused: async () => {
    const tries = [
      library().query(SeatsDocument, { workspace: told.workspace }),
      library().query(InvoicesDocument, { account: told.account, first: 1000 }),
      library().change(AssignSeatDocument, { input: { pool: told.pools[0], email: "ada@example.test" } }),
    ];
    for (const failure of await Promise.allSettled(tries))
      tell({ codes: failure.status === "rejected" ? codes(failure.reason) : null, data: failure.status });
  },

  patient: async () => tell({ kind: (await library().query(MeDocument, {})).viewer.kind }),

  registered: async () => {
    const { query, follow } = library();
    const { plans } = await query(PriceListDocument, { currency: "USD", language: "en" });
    tell({ plans: plans.length });
    const text = await asking(address, registered({}, told.client, signed(me, fetch)))(MeDocument, {}).catch(codes);
    tell({ text });
    follow(SeatChangedDocument, { workspace: told.workspace }, (data) => tell({ next: changed(data) }));
  },

  relay: async () => {
    const relay = environment(address, told.client, signed(me, fetch), wire);
    const [query, subscription] = [invoiceList, invoiceChanged] as unknown as [ConcreteRequest, ConcreteRequest];
    const variables = { account: told.account };
    tell({ list: await fetchQuery(relay, query, variables).toPromise() });
    requestSubscription(relay, { subscription, variables, onNext: (data) => tell({ next: data }), onError: (error) => tell({ error: String(error) }) });
  },

  internal: async () => {
    const inquire = asking(address, signed(me, fetch));
    const found = await inquire(FindCustomerDocument, { text: "nobody at all is called this" });
    const open: string[] = [];
    for await (const { id } of everything(async (after) => (await inquire(OpenInvoicesDocument, { after })).invoices)) open.push(id);
    const lines: string[] = [];
    for await (const line of exported(`http://${told.host}`, signed(me, fetch), "invoices", { account: told.account })) lines.push(line);
    tell({ found: found.accounts.nodes, open, lines });
  },

  outbox: async () => {
    let kept: Waiting[] = [];
    const shelf = { read: async () => kept, write: async (waiting: Waiting[]) => void (kept = waiting) };
    const lost: Ask = async (...asked) => {
      await signed(me, fetch)(...asked);
      throw new TypeError("the network went away with the answer");
    };
    const input = { workspace: told.workspace, plan: told.plan, idempotencyKey: "on the train" };
    const change = { query: print(AskForSeatDocument), operationName: "AskForSeat", variables: { input } };
    await outbox(address, shelf, lost).add(change);
    const left = await outbox(address, shelf, lost).send(() => tell({ never: true }));
    const then = await outbox(address, shelf, signed(me, fetch)).send((_, answer) => tell({ answer }));
    tell({ left, then });
  },

  renewed: async () => {
    let kept: Tokens | null = { access_token: "expired", refresh_token: told.refresh };
    const times: string[] = [];
    const counted: Ask = (where, init) => (times.push(String(where)), fetch(where, init));
    const keychain = { read: async () => kept, write: async (tokens: Tokens | null) => void (kept = tokens) };
    const inquire = asking(address, signed(renewing(`http://${told.host}`, keychain, counted), fetch));
    const both = await Promise.all([inquire(MeDocument, {}), inquire(MeDocument, {})]);
    tell({ kinds: both.map(({ viewer }) => viewer.kind), renewals: times.length, other: kept?.refresh_token !== told.refresh });
  },
};

await scenes[told.scene]!();
