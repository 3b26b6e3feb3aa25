// The outbox of an app: changes made without a network wait on the phone, and are sent in their order.

import type { Ask } from "../asking.js";

/** A change that waits. Its `input` has the idempotency key, so sending it twice does it once. */
export interface Waiting {
  documentId?: string;
  query?: string;
  operationName: string;
  variables: { input: { idempotencyKey: string } };
}

/** Where they wait: a file or a table of the phone. */
export interface Shelf {
  read(): Promise<Waiting[]>;
  write(waiting: Waiting[]): Promise<void>;
}

export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions?: Record<string, unknown> }[];
}

const again = new Set(["UNAVAILABLE", "RATE_LIMITED"]);

export const outbox = (address: string, shelf: Shelf, ask: Ask) => ({
  add: async (change: Waiting) => shelf.write([...(await shelf.read()), change]),

  /** Sends what waits. Stops where the network does; what was answered, with a problem or without, waits no more. */
  send: async (told: (change: Waiting, answer: Answer) => void): Promise<number> => {
    for (let waiting = await shelf.read(); waiting.length; waiting = await shelf.read()) {
      const [change] = waiting as [Waiting];
      const answer = await post(address, ask, change);
      if (answer === null) return waiting.length;
      await shelf.write(waiting.slice(1));
      told(change, answer);
    }
    return 0;
  },
});

/** The answer, or null if there is none yet. */
const post = async (address: string, ask: Ask, change: Waiting): Promise<Answer | null> => {
  try {
    const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
    const came = await ask(address, { method: "POST", headers, body: JSON.stringify(change) });
    const answer = (await came.json()) as Answer;
    return answer.errors?.some(({ extensions }) => again.has(String(extensions?.code))) ? null : answer;
  } catch {
    return null;
  }
};
