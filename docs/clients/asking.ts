// Asking: what every client of ours does with `fetch`, whatever library it asks with.
//
//     const ask = registered(ids, "web", signed(session, patient(fetch)));

export type Ask = typeof fetch;

/** Whoever is signed in. */
export interface Session {
  /** The bearer to send now; null for a stranger. */
  bearer(): Promise<string | null>;
  /** Called when the bearer didn't count: whether there is a newer one to try. */
  renew(): Promise<boolean>;
}

const headed = (init: RequestInit | undefined, headers: Record<string, string>): RequestInit => {
  const all = new Headers(init?.headers);
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return { ...init, headers: all };
};

/** Sends the bearer, and once more with a newer one when the first doesn't count any more (status 401). */
export const signed = (session: Session, ask: Ask): Ask => async (address, init) => {
  const once = async () => {
    const bearer = await session.bearer();
    return ask(address, bearer ? headed(init, { authorization: `Bearer ${bearer}` }) : init);
  };
  const answer = await once();
  return answer.status === 401 && (await session.renew()) ? once() : answer;
};

const later = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * Waits as long as `Retry-After` says and asks again: after a spent budget (429) and while something is missing on
 * our side (503). A change may be sent again because it has an `idempotencyKey`: it happens once.
 */
export const patient =
  (ask: Ask, most = 3, waiting: (seconds: number) => Promise<unknown> = later): Ask =>
  async (address, init) => {
    for (let times = 1; ; times++) {
      const answer = await ask(address, init);
      const after = answer.headers.get("retry-after");
      if (![429, 503].includes(answer.status) || after === null || times > most) return answer;
      await waiting(Number(after));
    }
  };

/** The ids of registered documents by the names of their operations, from Apollo's manifest. */
export const idsOf = (manifest: { operations: { id: string; name: string }[] }): Record<string, string> =>
  Object.fromEntries(manifest.operations.map(({ id, name }) => [name, `sha256:${id}`]));

/** Sends the id of a registered document in the place of its text, and says which client asks. */
export const registered =
  (ids: Record<string, string>, client: string, ask: Ask): Ask =>
  (address, init) => {
    const { query, ...asked } = JSON.parse(String(init?.body));
    const id = ids[asked.operationName];
    const body = JSON.stringify(id ? { ...asked, documentId: id } : { ...asked, query });
    return ask(address, headed({ ...init, body }, { "seatgraph-client": client }));
  };
