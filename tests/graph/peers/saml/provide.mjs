// An identity provider that speaks SAML: samlp, as anybody would use it. Its answers come as a form, whose fields
// the test posts. It is told who is signed in, how to sign, and how far its clock is ahead.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const told = JSON.parse(process.argv[2]);

// Whoever relies on it may live at another instant: everything here asks this clock.
const Real = Date;
globalThis.Date = class extends Real {
  constructor(...given) {
    super(...(given.length ? given : [Real.now() + told.ahead]));
  }
  static now() {
    return Real.now() + told.ahead;
  }
};

const samlp = createRequire(import.meta.url)("samlp");
const who = { id: "ada-7", displayName: "Ada", name: { givenName: "Ada", familyName: "L" }, emails: [{ value: told.email }] };

function answered(request, response) {
  const url = new URL(request.url, "http://127.0.0.1");
  const asked = Object.assign(request, { query: Object.fromEntries(url.searchParams), originalUrl: request.url });
  const answer = {
    set: (name, value) => response.setHeader(name, value),
    send: (body) => response.end(String(body)),
  };
  const failed = (error) => {
    response.statusCode = 500;
    response.end(String(error));
  };
  asked.protocol = "http";
  if (url.pathname === "/metadata") {
    return samlp.metadata({ ...told.signing, issuer: told.issuer, redirectEndpointPath: "/sso", postEndpointPath: "/sso" })(asked, answer);
  }
  samlp.parseRequest(asked, {}, (error, known) => {
    if (error) return failed(error);
    const back = known.assertionConsumerServiceURL;
    const settings = {
      ...told.signing,
      issuer: told.issuer,
      destination: back,
      recipient: back,
      lifetimeInSeconds: 300,
      sessionIndex: "s-1",
      getPostURL: (audience, document, from, next) => next(null, back),
      getUserFromRequest: () => who,
    };
    samlp.auth(settings)(asked, answer, failed);
  });
}

const server = createServer(answered).listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ address: `http://127.0.0.1:${server.address().port}` }));
});
