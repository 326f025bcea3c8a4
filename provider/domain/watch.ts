import { repeat } from "./repeat.ts";

/** How often it is looked at. What is found twice the same is taken: a file may be half written. */
const LOOK_INTERVAL_MS = 500;

/** Something outside that can change at any time, such as files. */
export interface Watched<T> {
  /** What is in force already. */
  readonly first: T;
  read(): Promise<T>;
  /** Puts a change in force. Rejects if it is not fit for that: then what was in force stays so. */
  take(changed: T): Promise<void>;
  /** Told, once, of what cannot be read or is not taken. */
  failed(thrown: unknown): void;
}

/** Looks at it again and again. The result ends that, and resolves when it does no more. */
export function watch<T>({ first, read, take, failed }: Watched<T>): () => Promise<void> {
  let seen = JSON.stringify(first);
  let taken = seen;
  let told: unknown;
  const look = async (): Promise<void> => {
    const found = await read();
    const before = seen;
    seen = JSON.stringify(found);
    if (seen !== before || seen === taken) return;
    taken = seen;
    await take(found);
  };
  const once = async (): Promise<void> => {
    try {
      await look();
      told = undefined;
    } catch (thrown) {
      if (told !== String(thrown)) failed(thrown);
      told = String(thrown);
    }
  };
  return repeat(once, LOOK_INTERVAL_MS, failed);
}
