// One WebSocket for all subscriptions, that comes back when it breaks and stops when the session is over.

import { createClient, type Client } from "graphql-ws";
import type { Session } from "../asking.js";

/** Codes after which coming back helps nothing: our own mistake, or a session that is over. */
const FINAL = [1009, 4400, 4401, 4403, 4406, 4409, 4429];

export const socket = (address: string, session: Session, webSocketImpl: unknown = globalThis.WebSocket) =>
  createClient({
    url: address.replace(/^http/, "ws"),
    webSocketImpl,
    lazy: true,
    // With no bearer there is the cookie of our own pages, if there is one.
    connectionParams: async () => {
      const bearer = await session.bearer();
      return bearer ? { authorization: `Bearer ${bearer}` } : {};
    },
    shouldRetry: (broken) => "code" in (broken as object) && !FINAL.includes((broken as { code: number }).code),
    // The client insists on a text, and the server on either a text or an id.
    jsonMessageReplacer: (name, value) =>
      name === "payload" && value?.documentId ? { ...value, query: undefined } : value,
  });

/** A socket that sends the id of a registered document in the place of its text. */
export const byId = (ids: Record<string, string>, wire: Client): Client => ({
  ...wire,
  subscribe: (asked, sink) => {
    const documentId = ids[asked.operationName ?? ""];
    return wire.subscribe(documentId ? ({ ...asked, documentId } as typeof asked) : asked, sink);
  },
});
