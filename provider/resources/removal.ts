import type { Context } from "../context.ts";
import { reasonOf, TurntableError } from "../errors.ts";

const UNREACHABLE: ReadonlySet<string> = new Set(["host.unreachable", "domain.unreachable"]);

/**
 * Does all of it that can be done, side by side, whatever fails. Rejects with the first failure: where what holds the
 * rest does not answer, with the way out for what is gone for good.
 */
export async function giveBackAll(what: string, acts: readonly (() => Promise<void>)[]): Promise<void> {
  const outcomes = await Promise.allSettled(acts.map((act) => act()));
  const failure = outcomes.find((one) => one.status === "rejected");
  if (failure !== undefined) throw withWayOut(what, failure.reason);
}

/** Does all of it, side by side, whatever fails. Rejects with the names of all that is left, and why the first of it is. */
export async function giveBackEach(acts: ReadonlyMap<string, () => Promise<void>>): Promise<void> {
  const outcomes = await Promise.allSettled([...acts.values()].map((act) => act()));
  const failure = outcomes.find((one) => one.status === "rejected");
  if (failure === undefined) return;
  const left = [...acts.keys()].filter((_, index) => outcomes[index]?.status === "rejected").join(", ");
  const thrown: unknown = failure.reason;
  if (!(thrown instanceof TurntableError)) throw thrown;
  const { code, retry, next } = thrown;
  throw new TurntableError(code, `${left} could not be given back: ${bareReason(thrown)}`, {
    retry,
    next,
    cause: thrown,
  });
}

/** What a domain lends for a time is given back by itself when the time is over: then its silence is no obstacle. */
export async function giveBackUnlessOver(
  context: Context,
  what: string,
  end: string,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await giveBackAll(what, [act]);
  } catch (thrown) {
    const silent = thrown instanceof TurntableError && UNREACHABLE.has(thrown.code);
    if (!silent || Date.parse(end) > Date.now()) throw thrown;
    context.narrator.warn(`${what} ended at ${end}, and its domain does not answer: nothing is left to give back.`);
  }
}

function withWayOut(what: string, thrown: unknown): unknown {
  if (!(thrown instanceof TurntableError && UNREACHABLE.has(thrown.code))) return thrown;
  return new TurntableError(thrown.code, `${what} is not all given back: ${bareReason(thrown)}`, {
    retry: "safe",
    next: `${thrown.next} If it is gone for good, \`pulumi state delete\` forgets this resource.`,
    cause: thrown,
  });
}

/** What an error says without its code and what to do, which another error is to say. */
export function bareReason(thrown: unknown): string {
  const reason = reasonOf(thrown);
  return thrown instanceof TurntableError ? reason.replace(` (${thrown.code}). ${thrown.next}`, "") : reason;
}
