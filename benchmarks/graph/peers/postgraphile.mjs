// PostGraphile 5 on Node's own HTTP server: node postgraphile.mjs PORT
// It makes its schema of the tables, with what the tables don't say of themselves: where one refers to another.
import "./older.mjs";
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";
import { pool } from "./rows.mjs";

const key = (columns, table, there) => `(${columns}) references ${table} (${there})`;

const tags = jsonPgSmartTags({
  version: 1,
  config: {
    // Short lists may be put in order without an index.
    attribute: {
      "plan.position": { tags: { behavior: "orderBy" } },
      "plan.archived_at": { tags: { behavior: "filterBy" } },
      "subscription.created_at": { tags: { behavior: "orderBy" } },
    },
    class: {
      // GraphQL has a type of its own that is called so.
      subscription: { tags: { name: "agreement" } },
      invoice: { tags: { foreignKey: [key("account_id", "account", "id")] } },
      line_item: { tags: { foreignKey: [key("account_id, invoice_id", "invoice", "account_id, id")] } },
      assignment: { tags: { foreignKey: [key("account_id", "workspace", "id")] } },
    },
  },
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [tags],
  pgServices: [makePgService({ pool, schemas: ["public"] })],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false },
};

const server = createServer();
const served = postgraphile(preset).createServ(grafserv);
await served.addTo(server);
server.listen(Number(process.argv[2]), "127.0.0.1");
