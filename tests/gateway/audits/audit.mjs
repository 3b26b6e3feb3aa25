// Audits a GraphQL server over HTTP, and tells each outcome as a line of JSON.
import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);

for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const { id, name, status, reason } = await audit.fn();
  console.log(JSON.stringify({ id, name, status, reason }));
}
