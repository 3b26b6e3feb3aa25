// The types of every document, by GraphQL Code Generator: `graphql-codegen --config codegen.ts`.

import type { CodegenConfig } from "@graphql-codegen/cli";

const scalars = { ID: "string", Date: "string", Instant: "string", JSON: "unknown", Long: "number" };
const config = { scalars, strictScalars: true, enumsAsTypes: true, useTypeImports: true };
const documents = (folder: string) => ({
  documents: `${folder}/*.graphql`,
  plugins: ["typescript-operations", "typed-document-node"],
  config,
});

export default {
  schema: "../../schema/schema.graphql",
  generates: {
    "web/generated/documents.ts": documents("web"),
    "web/generated/possible-types.ts": { plugins: ["fragment-matcher"], config: { apolloClientVersion: 3 } },
    "mobile/generated/documents.ts": documents("mobile"),
    "internal/generated/documents.ts": documents("internal"),
  },
} satisfies CodegenConfig;
