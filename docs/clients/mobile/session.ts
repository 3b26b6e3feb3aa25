// The session of an app: an access token for five minutes, and a refresh token that changes each time it is used.

import type { Ask, Session } from "../asking.js";

/** Where tokens are kept: the keychain of the phone. */
export interface Keychain {
  read(): Promise<Tokens | null>;
  write(tokens: Tokens | null): Promise<void>;
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
}

/** A session that renews itself. */
export const session = (issuer: string, keychain: Keychain, ask: Ask = fetch): Session => {
  // A refresh token counts once, so those who find the token old at the same moment wait for the same answer.
  let renewing: Promise<boolean> | null = null;

  const renewed = async (): Promise<boolean> => {
    const tokens = await keychain.read();
    if (!tokens) return false;
    const form = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
    const answer = await ask(`${issuer}/sso/token`, { method: "POST", body: new URLSearchParams(form) });
    if (answer.ok) await keychain.write((await answer.json()) as Tokens);
    // Anything but a refusal may be a bad network: keep the token, it may be sent again for 30 seconds.
    else if (answer.status === 400) await keychain.write(null);
    return answer.ok;
  };

  return {
    bearer: async () => (await keychain.read())?.access_token ?? null,
    renew: () => (renewing ??= renewed().finally(() => (renewing = null))),
  };
};
