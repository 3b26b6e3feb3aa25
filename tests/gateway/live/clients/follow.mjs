// Follows one subscription with a client that others wrote, and tells what it is told: one JSON object a line.
//
//     node follow.mjs graphql-ws|graphql-sse|apollo|urql HOST BEARER DOCUMENT VARIABLES

import { ApolloClient, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, fetchExchange } from "@urql/core";
import { createClient as overEvents } from "graphql-sse";
import { createClient as overSocket } from "graphql-ws";
import WebSocket from "ws";

const [kind, host, bearer, query, text] = process.argv.slice(2);
const variables = JSON.parse(text);
const authorization = `Bearer ${bearer}`;

const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const sink = {
  next: (result) => tell({ next: result }),
  error: (error) => tell({ error: Array.isArray(error) ? error : { code: error.code, message: error.message } }),
  complete: () => tell({ complete: true }),
};

const socket = () =>
  overSocket({
    url: `ws://${host}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryWait: async () => {},
    on: { connected: () => tell({ connected: true }), closed: (event) => tell({ closed: event.code }) },
  });

const follow = {
  "graphql-ws": () => socket().subscribe({ query, variables }, sink),
  "graphql-sse": () =>
    overEvents({
      url: `http://${host}/graphql`,
      headers: { authorization },
      retry: async () => {},
      on: { connected: () => tell({ connected: true }) },
    }).subscribe({ query, variables }, sink),
  apollo: () =>
    new ApolloClient({ link: new GraphQLWsLink(socket()), cache: new InMemoryCache() })
      .subscribe({ query: gql(query), variables })
      .subscribe({ ...sink, next: ({ data, error }) => tell({ next: { data, error: error?.message } }) }),
  urql: () => {
    const client = new Client({
      url: `http://${host}/graphql`,
      exchanges: [fetchExchange],
      fetchSubscriptions: true,
      preferGetMethod: false,
      fetchOptions: { headers: { authorization } },
    });
    const asked = /^\s*subscription/.test(query) ? client.subscription(query, variables) : client.query(query, variables);
    asked.subscribe(({ data, error }) => tell({ next: { data, error: error?.message } }));
  },
};

follow[kind]();
