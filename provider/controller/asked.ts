import { reasonOf } from "../errors.ts";

/** A preview waits no longer than this for what it would only like to know. */
export const PATIENCE_MS = 2_500;

/** Known, or why not. */
export type Answer<T> = { readonly known: T } | { readonly silent: string };

/** What is found out in time, or who was silent, or what was said instead. Never rejects. */
export async function asked<T>(whom: string, ask: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<Answer<T>> {
  const late = Promise.withResolvers<Answer<T>>();
  const silent = `${whom} gave no answer in ${patienceMs / 1000} s`;
  const timer = setTimeout(() => late.resolve({ silent }), patienceMs);
  const answer = ask().then(
    (known): Answer<T> => ({ known }),
    (thrown): Answer<T> => ({ silent: reasonOf(thrown) }),
  );
  return await Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}

/** What is made of an answer, or of the reason that there is none. */
export function told<T, R>(answer: Answer<T>, known: (value: T) => R, silent: (why: string) => R): R {
  return "known" in answer ? known(answer.known) : silent(answer.silent);
}
