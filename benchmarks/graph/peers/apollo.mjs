// Apollo Server as it comes: node apollo.mjs PORT
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { typeDefs } from "./graph.mjs";
import { loaded } from "./loading.mjs";

const server = new ApolloServer({ typeDefs, resolvers: loaded(), csrfPrevention: false, introspection: false });
await startStandaloneServer(server, {
  listen: { port: Number(process.argv[2]), host: "127.0.0.1" },
  context: async ({ req }) => ({ person: req.headers["x-person"], loaders: new Map() }),
});
