// graphql-yoga on Node's own HTTP server: node yoga.mjs PORT
import { createServer } from "node:http";
import { createSchema, createYoga } from "graphql-yoga";
import { typeDefs } from "./graph.mjs";
import { loaded } from "./loading.mjs";

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: loaded() }),
  context: ({ request }) => ({ person: request.headers.get("x-person"), loaders: new Map() }),
  graphiql: false,
  landingPage: false,
  logging: false,
  cors: false,
});
createServer(yoga).listen(Number(process.argv[2]), "127.0.0.1");
