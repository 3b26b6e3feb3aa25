// Asking without a library: for scripts and consoles of our own staff.

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import type { Ask } from "../asking.js";

/** What went wrong, by the codes of the table of errors. */
export class Refused extends Error {
  constructor(
    readonly errors: readonly { message: string; extensions?: { readonly [name: string]: unknown } }[],
    readonly request: string | null,
  ) {
    super(errors.map(({ message }) => message).join(" "));
  }
}

/** Asks, for a reason that goes into the audit log; staff have to give one with every change. */
export const asking =
  (address: string, ask: Ask) =>
  async <Data, Variables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    reason?: string,
  ): Promise<Data> => {
    const headers = new Headers({ "content-type": "application/json", accept: "application/graphql-response+json" });
    if (reason) headers.set("seatgraph-reason", reason);
    const body = JSON.stringify({ query: print(document), variables });
    const came = await ask(address, { method: "POST", headers, body });
    const { data, errors } = (await came.json()) as { data?: Data; errors?: Refused["errors"] };
    if (errors || !data) throw new Refused(errors ?? [], came.headers.get("x-request-id"));
    return data;
  };

/** Everything of a list: page after page, until there is no more. */
export async function* everything<Row>(
  page: (after: string | null) => Promise<{ nodes: Row[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }>,
): AsyncGenerator<Row> {
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo } = await page(after);
    yield* nodes;
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}

/** An export of Finance, line by line; raises when the connection breaks, because lines are then missing. */
export async function* exported(
  host: string,
  ask: Ask,
  what: "invoices" | "lines" | "entries",
  span: { account?: string; since?: string; until?: string } = {},
): AsyncGenerator<string> {
  const came = await ask(`${host}/export/${what}.csv?${new URLSearchParams(span)}`);
  if (!came.ok || !came.body) throw new Error(`The export was refused with status ${came.status}.`);
  let rest = "";
  for await (const piece of came.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest) yield rest;
}
