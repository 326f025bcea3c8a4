import { readFileSync } from "node:fs";
import { z } from "zod";
import { reasonOf, TurntableError } from "../../errors.ts";
import type { Pilot } from "../../host/host.ts";
import type { Place, TimedEvent } from "../hypervisor.ts";
import type { MemoryRemote } from "./way/way.ts";

const atMs = z.number();
const READY_TIMEOUT_MS = 15_000;
const port = z.int().positive();

/**
 * What a pilot says: one line each. The last one is how its flight ended. At the source: `released` (the destination
 * has the VM), `kept` (it never will: the VM goes on here), `overruled` (somebody else decided while it asked), and
 * before the point of no return `failed` or `abandoned` (told to give up): the VM goes on here. At the destination:
 * `settled` (the VM runs here, and whoever is to know it does), `failed` or `abandoned`.
 */
const word = z.discriminatedUnion("kind", [
  z.strictObject({
    ...{ kind: z.literal("listening"), heartPort: port },
    ways: z.array(z.strictObject({ address: z.ipv4(), port })),
  }),
  z.strictObject({ kind: z.literal("ready") }),
  z.strictObject({ kind: z.literal("event"), event: z.string(), atMs }),
  z.strictObject({ kind: z.literal("point-of-no-return"), atMs }),
  z.strictObject({ kind: z.literal("asking"), reason: z.string(), atMs }),
  z.strictObject({ kind: z.literal("released"), reason: z.string().optional(), atMs }),
  z.strictObject({ kind: z.literal("kept"), reason: z.string(), atMs }),
  z.strictObject({ kind: z.literal("overruled"), reason: z.string(), atMs }),
  z.strictObject({ kind: z.literal("flushed"), atMs }),
  z.strictObject({ kind: z.literal("running"), atMs }),
  z.strictObject({ kind: z.literal("turned"), atMs }),
  z.strictObject({ kind: z.literal("gateway-silent"), atMs }),
  z.strictObject({ kind: z.literal("settled"), atMs }),
  z.strictObject({ kind: z.literal("abandoned"), reason: z.string() }),
  z.strictObject({ kind: z.literal("failed"), reason: z.string() }),
]);

type Word = z.output<typeof word>;
export type Listening = Extract<Word, { kind: "listening" }>;

/** How a flight ended: the pilot's last word, or that it vanished without one. */
export type Landing = Word | { readonly kind: "vanished"; readonly reason: string };

const source = (name: string) => readFileSync(new URL(`./pilot/${name}.py`, import.meta.url), "utf8");

const program = (...names: readonly string[]) => names.map(source).join("\n");

const BOTH = ["monitor", "orders", "seal", "heartbeat", "detached", "process", "way", "warrant"];
const PARTS = {
  source: [...BOTH, "home", "fencing", "guardian", "source"],
  destination: [...BOTH, "verdict", "durable", "arrival", "keeper", "destination"],
};

/** The program of a pilot and of who outlives it. One file is sent, nothing is installed. */
export const pilotProgram = (role: "source" | "destination"): string => program(...PARTS[role]);
export const fenceProgram = (): string => program("verdict", "fence");

/** A pilot at work beside a hypervisor. */
export class Flight {
  readonly #at: TimedEvent["at"];
  readonly #pilot: Pilot;
  readonly #words: Word[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #asking = Promise.withResolvers<void>();
  /** Never rejects. */
  readonly landed: Promise<Landing>;

  private constructor(at: TimedEvent["at"], pilot: Pilot) {
    this.#at = at;
    this.#pilot = pilot;
    this.#ready.promise.catch(() => undefined);
    this.landed = this.#listen();
  }

  /**
   * Resolves when the pilot stands beside QEMU with every connection open; rejects with hypervisor.failed, nothing
   * begun, if it does not within 15 s.
   */
  static async take(at: TimedEvent["at"], place: Place, parameters: object): Promise<Flight> {
    const flight = new Flight(at, await place.host.pilot(pilotProgram(at), parameters));
    const late = setTimeout(
      () => flight.#ready.reject(new Error("QEMU's monitor does not answer it")),
      READY_TIMEOUT_MS,
    );
    try {
      await flight.#ready.promise;
      return flight;
    } catch (thrown) {
      flight.leave();
      throw notReady(at, place, thrown);
    } finally {
      clearTimeout(late);
    }
  }

  /** Resolves when the pilot asks the destination for its verdict. */
  get asking(): Promise<void> {
    return this.#asking.promise;
  }

  /** Where the pilot at the destination, and who outlives it, are reached. */
  get listening(): Listening {
    const said = this.#words.find((one) => one.kind === "listening");
    if (said) return said;
    throw new TypeError(`the pilot at the ${this.#at} listens nowhere`);
  }

  /** The word that a pilot at the source waits for: where the memory goes. */
  begin(remote: MemoryRemote): void {
    this.#pilot.send({ kind: "begin", remote });
  }

  /** Every event of this hypervisor's so far, and the pilot's own deeds, on its host's clock. */
  get events(): readonly TimedEvent[] {
    return this.#words.flatMap((said) =>
      "atMs" in said ? [{ at: this.#at, event: said.kind === "event" ? said.event : said.kind, atMs: said.atMs }] : [],
    );
  }

  said(kind: Word["kind"]): boolean {
    return this.#words.some((said) => said.kind === kind);
  }

  /** Closes the pilot's input: before the switchover it gives up and undoes, after it goes on alone. */
  leave(): void {
    this.#pilot.close();
  }

  async #listen(): Promise<Landing> {
    const broken = await this.#hear().then(() => "", reasonOf);
    const { stderr } = await this.#pilot.ended;
    const last = this.#words.at(-1);
    const reason = `the pilot at the ${this.#at} ended: ${broken || lastLine(stderr)}`;
    this.#ready.reject(new Error(last?.kind === "failed" ? last.reason : reason));
    return last && isEnd(last) ? last : { kind: "vanished", reason };
  }

  async #hear(): Promise<void> {
    for await (const message of this.#pilot.messages) {
      const said = word.parse(message);
      this.#words.push(said);
      if (said.kind === "ready") this.#ready.resolve();
      if (said.kind === "asking") this.#asking.resolve();
    }
  }
}

const ENDS = ["released", "kept", "overruled", "settled", "abandoned", "failed"];
const isEnd = (said: Word) => ENDS.includes(said.kind);
const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";

function notReady(at: TimedEvent["at"], { host, directory }: Place, thrown: unknown): TurntableError {
  const what = `no pilot could be put beside QEMU at the ${at}, ${host.name}: ${reasonOf(thrown)}`;
  return new TurntableError("hypervisor.failed", what, {
    ...{ retry: "safe", next: `See qemu.log in ${directory} at that host.`, cause: thrown },
  });
}
