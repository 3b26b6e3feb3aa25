// A certified OpenID provider on loopback. It tells its issuer in one line of JSON, and lives until its input ends.
// What it is told, in one argument: its people's claims, how far its clock is ahead, and whether ID tokens are `lean`.
// Whoever signs in is believed. Its clients register themselves.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

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

const { Provider } = await import("oidc-provider");

const key = (type, options, alg) => {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: alg };
};

const server = createServer().listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: told.lean,
    cookies: { keys: ["of a test"] },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256"] },
    features: { registration: { enabled: true } },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, ...told.claims }) }),
    jwks: {
      keys: [
        key("rsa", { modulusLength: 2048 }, "RS256"),
        key("rsa", { modulusLength: 2048 }, "PS256"),
        key("ec", { namedCurve: "P-256" }, "ES256"),
      ],
    },
    pkce: { required: () => true },
    responseTypes: ["code"],
  });
  server.on("request", provider.callback());
  console.log(JSON.stringify({ issuer }));
});

process.stdin.resume().on("end", () => process.exit());
