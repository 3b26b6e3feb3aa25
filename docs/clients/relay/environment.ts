// Relay: an environment that asks by id or by text, and follows on the WebSocket.

import {
  Environment,
  Network,
  Observable,
  RecordSource,
  Store,
  type GraphQLResponse,
  type RequestParameters,
  type Variables,
} from "relay-runtime";
import type { Client as Socket } from "graphql-ws";
import type { Ask } from "../asking.js";

/** A request by the id that the compiler gave it in `persisted.json`, or else by its text. */
const asked = ({ id, text, name }: RequestParameters, variables: Variables) =>
  id ? { documentId: `sha256:${id}`, operationName: name, variables } : { query: text, operationName: name, variables };

export const environment = (address: string, client: string, ask: Ask, socket: Socket) =>
  new Environment({
    store: new Store(new RecordSource()),
    network: Network.create(
      async (request, variables) => {
        const headers = {
          "content-type": "application/json",
          accept: "application/graphql-response+json",
          "seatgraph-client": client,
        };
        const came = await ask(address, { method: "POST", headers, body: JSON.stringify(asked(request, variables)) });
        return (await came.json()) as GraphQLResponse;
      },
      (request, variables) =>
        Observable.create((sink) =>
          // The client of the WebSocket insists on a text, and sends the id.
          socket.subscribe({ query: "", ...asked(request, variables) } as never, sink as never),
        ),
    ),
  });
