import { setTimeout as sleep } from "node:timers/promises";

/** How long the last one on a path waits for a move that has begun and will want it. */
const LINGER_MS = 5_000;

/** What a move does to get on a path and off it. */
export interface Boarding<T> {
  /** Lights it, where nobody has. */
  light(): Promise<T>;
  /** Gets on one that another move lit. */
  join(lit: T): Promise<void>;
  /** Gets off, whatever of the above was done; `last`: nobody is left on it. */
  leave(last: boolean): Promise<void>;
}

/** `gone`: counted no more, though its leaving is not over. */
type How = "boarding" | "aboard" | "leaving" | "gone";

/** A path that is being lit, lit, or being put out. */
interface Lit<T> {
  readonly key: string;
  readonly value: Promise<T>;
  readonly riders: Map<Berth<T>, How>;
  /** Somebody on it was given up on without getting off: it stays as it is. */
  abandoned: boolean;
  closing: boolean;
}

/**
 * The paths of this process: moves that ask for the same path at the same time share one. The first lights it, the
 * last puts it out. A host has one route to another: in each lane (a pair of hosts) there is one path at a time.
 */
export class SharedPaths<T> {
  readonly #lanes = new Map<string, Lit<T>>();
  readonly #expected = new Set<Berth<T>>();
  readonly #lingerMs: number;
  #changed = Promise.withResolvers<void>();

  constructor(lingerMs = LINGER_MS) {
    this.#lingerMs = lingerMs;
  }

  /** A move has begun that will want a path of that key. End the berth when the move is over. */
  announce(lane: string, key: string): Berth<T> {
    const berth = new Berth<T>(this, lane, key);
    this.#expected.add(berth);
    return berth;
  }

  /** How many moves are on the path of a berth. */
  sharers({ lane }: Berth<T>): number {
    const path = this.#lanes.get(lane);
    return path === undefined ? 0 : present(path);
  }

  async board(berth: Berth<T>, { light, join }: Boarding<T>, waits: (why: string) => void): Promise<T> {
    const { lane, key } = berth;
    for (;;) {
      const there = this.#lanes.get(lane);
      if (there === undefined) return await this.#light(berth, light);
      const lit = there.key === key && !there.closing ? await this.#lit(there, berth) : undefined;
      if (lit !== undefined) {
        await join(lit.value);
        this.#note(() => there.riders.set(berth, "aboard"));
        return lit.value;
      }
      waits(there.key === key ? "the last path to be given back" : "another path between the same hosts");
      await this.#until(() => this.#lanes.get(lane) !== there);
    }
  }

  async #light(berth: Berth<T>, light: () => Promise<T>): Promise<T> {
    const value = light();
    value.catch(() => undefined);
    const riders = new Map<Berth<T>, How>([[berth, "boarding"]]);
    const path: Lit<T> = { key: berth.key, value, riders, abandoned: false, closing: false };
    this.#note(() => this.#lanes.set(berth.lane, path));
    this.#expected.delete(berth);
    const lit = await value.catch((thrown) => {
      this.#note(() => {
        path.closing = true;
      });
      throw thrown;
    });
    this.#note(() => riders.set(berth, "aboard"));
    return lit;
  }

  /** Undefined if it never was lit: its lighter clears up, then the next one lights. */
  async #lit(path: Lit<T>, berth: Berth<T>): Promise<{ readonly value: T } | undefined> {
    path.riders.set(berth, "boarding");
    this.#expected.delete(berth);
    try {
      return { value: await path.value };
    } catch {
      this.#free(berth, path);
      return undefined;
    }
  }

  async leave(berth: Berth<T>, act: (last: boolean) => Promise<void>): Promise<void> {
    const path = this.#of(berth);
    if (path === undefined) return;
    this.#note(() => path.riders.set(berth, "leaving"));
    await this.#untilNobodyBoardsAlone(path, berth);
    const lingering = this.#until(() => present(path) > 1 || !this.#isExpected(path.key));
    if (!path.closing) await Promise.race([lingering, sleep(this.#lingerMs, undefined, { ref: false })]);
    await this.#untilNobodyBoardsAlone(path, berth);
    const last = path.closing || (present(path) === 1 && !path.abandoned);
    path.closing ||= last;
    path.riders.set(berth, "gone");
    await act(last).finally(() => this.#free(berth, path));
  }

  /** The move is over. One that is still on the path was given up on, and what it leaves lit is the next `up`'s to clear. */
  end(berth: Berth<T>): void {
    this.#note(() => this.#expected.delete(berth));
    const path = this.#of(berth);
    if (path === undefined) return;
    path.abandoned = true;
    this.#free(berth, path);
  }

  #free(berth: Berth<T>, path: Lit<T>): void {
    this.#note(() => {
      path.riders.delete(berth);
      if (path.riders.size === 0) this.#lanes.delete(berth.lane);
    });
  }

  #of(berth: Berth<T>): Lit<T> | undefined {
    const path = this.#lanes.get(berth.lane);
    return path?.riders.has(berth) ? path : undefined;
  }

  #on(path: Lit<T>, but: Berth<T>, state: How): boolean {
    return [...path.riders].some(([berth, how]) => berth !== but && how === state);
  }

  /** The path's domains end it with the last of those they know of: whoever is on their way to it must be on it first. */
  async #untilNobodyBoardsAlone(path: Lit<T>, but: Berth<T>): Promise<void> {
    await this.#until(() => !this.#on(path, but, "boarding") || this.#on(path, but, "aboard") || path.closing);
  }

  #isExpected(key: string): boolean {
    return [...this.#expected].some((berth) => berth.key === key);
  }

  #note(change: () => void): void {
    change();
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise;
  }
}

function present<T>({ riders }: Lit<T>): number {
  return [...riders.values()].filter((how) => how !== "gone").length;
}

/** One move's place on a path that it may share. */
export class Berth<T> {
  readonly #paths: SharedPaths<T>;
  readonly lane: string;
  readonly key: string;
  #boarding: Boarding<T> | undefined;

  constructor(paths: SharedPaths<T>, lane: string, key: string) {
    this.#paths = paths;
    this.lane = lane;
    this.key = key;
  }

  /** Resolves with the path once this move is on it. `waits` is told what for, where it must wait. */
  async board(boarding: Boarding<T>, waits: (why: string) => void): Promise<T> {
    this.#boarding = boarding;
    return await this.#paths.board(this, boarding, waits);
  }

  /** Gets off; does nothing if it is not on. The last one waits a moment for moves that have begun. */
  async leave(): Promise<void> {
    const boarding = this.#boarding;
    this.#boarding = undefined;
    if (boarding) await this.#paths.leave(this, (last) => boarding.leave(last));
  }

  /** Moves on the path now, this one included. */
  get sharers(): number {
    return this.#paths.sharers(this);
  }

  end(): void {
    this.#paths.end(this);
  }
}
