// Mercurius with its just-in-time compiler, on Fastify: node mercurius.mjs PORT
import Fastify from "fastify";
import mercurius from "mercurius";
import { relations, resolvers, typeDefs } from "./graph.mjs";

const loaders = {};
for (const [type, fields] of Object.entries(relations)) {
  loaders[type] = {};
  for (const [field, batch] of Object.entries(fields)) {
    loaders[type][field] = {
      loader: (queries) =>
        batch(
          queries.map((query) => query.obj),
          queries[0].params,
        ),
      // The key of a cached answer would be made of the whole row.
      opts: { cache: false },
    };
  }
}

const app = Fastify({ logger: false });
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  loaders,
  jit: 1,
  context: (request) => ({ person: request.headers["x-person"] }),
});
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
