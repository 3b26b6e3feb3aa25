// Problems: a change answers with what was wanted, or with a sentence for the person in front of the screen.

/** What a change may answer with, told apart by `__typename`. */
interface Outcome {
  __typename: string;
}

/** The part of an outcome that is no problem. */
export type Wanted<Came extends Outcome> = Exclude<Came, { message: string }>;

/** The sentence to show, or null when the change was made. */
export const problem = (came: Outcome): string | null =>
  "message" in came && typeof came.message === "string" ? came.message : null;

/** Whether the change was made; TypeScript then knows the fields of what came. */
export const made = <Came extends Outcome>(came: Came): came is Wanted<Came> => problem(came) === null;

/** A new idempotency key. Keep it with the change until there is an answer, and send it again with every repetition. */
export const key = (): string => crypto.randomUUID();

/** The codes of errors, for an error of any client: what to do about each is in the table of errors. */
export const codes = (failure: unknown): string[] => {
  const told = failure as { errors?: readonly Told[]; graphQLErrors?: readonly Told[] };
  return (told.errors ?? told.graphQLErrors ?? []).map((each) => String(each.extensions?.code ?? "INTERNAL"));
};

interface Told {
  extensions?: { readonly [name: string]: unknown };
}
