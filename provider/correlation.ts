import { AsyncLocalStorage } from "node:async_hooks";

/** Names the move for which a domain is asked, so that logs of all parties can be laid side by side. Proves nothing. */
export const MOVE_HEADER = "turntable-move";

const current = new AsyncLocalStorage<string>();
const MOVE_ID = /^[0-9a-f-]{36}$/;

/** Everything that `act` asks of domains, or logs, carries the move's id. */
export function correlated<T>(move: string, act: () => T): T {
  return current.run(move, act);
}

const failed = new WeakMap<object, string>();

/** As correlated, for all that is done for a move; whatever it throws is known as this move's afterwards. */
export async function inMove<T>(move: string, act: () => Promise<T>): Promise<T> {
  try {
    return await correlated(move, act);
  } catch (thrown) {
    if (typeof thrown === "object" && thrown !== null) failed.set(thrown, move);
    throw thrown;
  }
}

/** The move that something was thrown in. */
export function moveThatFailed(thrown: unknown): string | undefined {
  return typeof thrown === "object" && thrown !== null ? failed.get(thrown) : undefined;
}

export function currentMove(): string | undefined {
  return current.getStore();
}

/** The id that a request carries; anything but a UUID is taken for none, since it goes into a log. */
export function moveNamed(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && MOVE_ID.test(header) ? header : undefined;
}
