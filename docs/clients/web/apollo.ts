// Apollo Client: pages that grow, problems as types, subscriptions on one WebSocket.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import type { Client as Socket } from "graphql-ws";
import type { Ask } from "../asking.js";
import graph from "./generated/possible-types.js";

/** Which lists grow by `fetchMore`. What narrows or sorts a list makes it another list. */
const pages = relayStylePagination(["filter", "orderBy"]);

export const cache = () =>
  new InMemoryCache({
    possibleTypes: graph.possibleTypes,
    typePolicies: {
      Account: { fields: { invoices: pages, payments: pages, subscriptions: pages } },
      Workspace: { fields: { seats: pages, members: pages } },
      Viewer: { merge: true, fields: { memberships: pages } },
    },
  });

const follows = ({ operationType }: ApolloLink.Operation) => operationType === "subscription";

export const apollo = (address: string, ask: Ask, socket: Socket) =>
  new ApolloClient({
    cache: cache(),
    link: ApolloLink.split(follows, new GraphQLWsLink(socket), new HttpLink({ uri: address, fetch: ask })),
  });
