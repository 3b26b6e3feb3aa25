// urql: the same documents, with subscriptions on a WebSocket or on event streams.

import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient as overEvents } from "graphql-sse";
import type { Client as Socket } from "graphql-ws";
import type { Ask, Session } from "../asking.js";

type Follow = Parameters<typeof subscriptionExchange>[0]["forwardSubscription"];

/** Subscriptions on a WebSocket. */
export const onSocket =
  (socket: Socket): Follow =>
  (asked) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...asked, query: asked.query! }, sink) }),
  });

/** Subscriptions on event streams, for networks that let no WebSocket through. */
export const onEvents = (address: string, session: Session): Follow => {
  const events = overEvents({
    url: address,
    headers: async () => ({ authorization: `Bearer ${await session.bearer()}` }),
  });
  return (asked) => ({
    subscribe: (sink) => ({ unsubscribe: events.subscribe({ ...asked, query: asked.query! }, sink as never) }),
  });
};

export const urql = (address: string, ask: Ask, follow: Follow) =>
  new Client({
    url: address,
    fetch: ask,
    preferGetMethod: false,
    exchanges: [cacheExchange, fetchExchange, subscriptionExchange({ forwardSubscription: follow })],
  });
