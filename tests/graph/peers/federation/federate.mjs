// Composes a subgraph with another, twice, and asks the greater graph as a router does.
//
//     node federate.mjs <<< '{"sdl": "…", "address": "http://…/subgraph", "bearer": "…", "people": ["person_…", …], "others": ["…", …]}'
//
// The other subgraph knows greetings, each by somebody of whom it has the id alone. `others` are
// further schemas to compose with. Prints what either composer found wrong, and what the router
// answered with.
import { readFileSync } from "node:fs";

import { composeServices } from "@apollo/composition";
import { ApolloGateway, LocalGraphQLDataSource, RemoteGraphQLDataSource } from "@apollo/gateway";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { composeServices as composedByOthers } from "@theguild/federation-composition";
import { parse } from "graphql";

const told = JSON.parse(readFileSync(0, "utf8"));

const GREETINGS = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
  type Query { greetings: [Greeting!]! }
  type Greeting { text: String! by: Person worth: Money! }
  type Person @key(fields: "id") { id: ID! greeted: Int! }
  type Money @shareable { minor: Long! currency: String! text: String! }
  scalar Long
`);
const greetings = buildSubgraphSchema({
  typeDefs: GREETINGS,
  resolvers: {
    Query: {
      greetings: () =>
        told.people.map((id) => ({ text: "Hello", by: { id }, worth: { minor: 1, currency: "USD", text: "0.01 USD" } })),
    },
    Person: { __resolveReference: ({ id }) => ({ id }), greeted: () => 1 },
  },
});

const services = [
  { name: "billing", url: told.address, typeDefs: parse(told.sdl) },
  { name: "greetings", url: "http://127.0.0.1:9/", typeDefs: GREETINGS },
];
const composed = composeServices(services);
const more = told.others.map((sdl, place) => ({ name: `other${place}`, url: "http://127.0.0.1:9/", typeDefs: parse(sdl) }));
const wrong = [services, [services[0], ...more]]
  .flatMap((all) => [composeServices(all), composedByOthers(all)])
  .flatMap(({ errors }) => (errors ?? []).map(({ message }) => message));

class Billing extends RemoteGraphQLDataSource {
  willSendRequest({ request }) {
    request.http.headers.set("authorization", `Bearer ${told.bearer}`);
  }
}

let answer = null;
if (!wrong.length) {
  const gateway = new ApolloGateway({
    supergraphSdl: composed.supergraphSdl,
    buildService: ({ name, url }) =>
      name === "billing" ? new Billing({ url }) : new LocalGraphQLDataSource(greetings),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const { executor, schema } = await gateway.load();
  const query = "{ greetings { text by { email greeted } } viewer { person { greeted } } }";
  const document = parse(query);
  answer = await executor({
    schema,
    document,
    request: { query },
    queryHash: "one",
    operation: document.definitions[0],
    operationName: null,
    overallCachePolicy: { restrict() {} },
    context: {},
    cache: undefined,
    metrics: {},
    logger: console,
  });
  await gateway.stop();
}
console.log(JSON.stringify({ wrong, answer }));
