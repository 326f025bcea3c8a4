import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { z } from "zod";
import { reasonOf, TurntableError } from "../errors.ts";
import type { Host, Pilot } from "../host/host.ts";
import type { Pulse } from "../host/pulse.ts";

const PROGRAM = readFileSync(new URL("./lease.py", import.meta.url), "utf8");

/** A controller gives its lease up for lost before the host does: never do two believe that they have it. */
const MARGIN = 0.8;

const claim = z.object({
  /** "root@workstation". */
  who: z.string(),
  pid: z.int(),
  /** What it does: "moves ams → san". */
  purpose: z.string(),
  since: z.iso.datetime(),
});

/** Who holds a lease, and for what. */
export type Claim = z.output<typeof claim>;

const word = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("held"), by: claim }),
  z.object({ kind: z.literal("taken"), number: z.int().positive() }),
  z.object({ kind: z.literal("beat"), at: z.number() }),
]);

/** This process's own. */
export function claimFor(purpose: string): Claim {
  const who = `${userInfo().username}@${hostname()}`;
  return { who, pid: process.pid, purpose, since: new Date().toISOString() };
}

/** A VM's lease at one host: sought, held for as long as both hear each other, and given back. */
export class Tenure {
  readonly #host: Host;
  readonly #pilot: Pilot;
  readonly #pulse: Pulse;
  readonly #taken = Promise.withResolvers<number>();
  readonly #beating: NodeJS.Timeout;
  #heardAt = performance.now();
  #ended: string | undefined;
  /** Resolves with the fencing number when the lease is taken; rejects if that can no longer be. */
  readonly taken: Promise<number> = this.#taken.promise;

  private constructor(host: Host, pilot: Pilot, pulse: Pulse, onHeld: (by: Claim) => void) {
    this.#host = host;
    this.#pilot = pilot;
    this.#pulse = pulse;
    this.taken.catch(() => undefined);
    this.#beating = setInterval(() => pilot.send({ kind: "beat", at: performance.now() }), pulse.beatMs);
    void this.#listen(onHeld);
  }

  /** Begins to seek it. Rejects with host.unreachable. `onHeld`: whoever has it meanwhile. */
  static async seek(host: Host, path: string, mine: Claim, pulse: Pulse, onHeld: (by: Claim) => void): Promise<Tenure> {
    const { silenceMs } = pulse;
    return new Tenure(host, await host.pilot(PROGRAM, { path, claim: mine, silenceMs }), pulse, onHeld);
  }

  /** Why it is not held any more, if so. */
  get lost(): string | undefined {
    if (this.#ended !== undefined) return this.#ended;
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs < this.#pulse.silenceMs * MARGIN) return undefined;
    return `${this.#host.name} was not heard for ${Math.round(silentMs / 1_000)} s`;
  }

  /** Resolves when the host has let go of it, or cannot be heard to. */
  async release(): Promise<void> {
    clearInterval(this.#beating);
    this.#pilot.close();
    await this.#pilot.ended;
  }

  async #listen(onHeld: (by: Claim) => void): Promise<void> {
    const broken = await this.#hear(onHeld).then(() => "", reasonOf);
    clearInterval(this.#beating);
    const { stderr } = await this.#pilot.ended;
    const why = broken || stderr.trim().split("\n").at(-1);
    this.#ended = `${this.#host.name} holds it no longer${why ? `: ${why}` : ""}`;
    this.#taken.reject(notTaken(this.#host, why || "the connection ended"));
  }

  async #hear(onHeld: (by: Claim) => void): Promise<void> {
    for await (const message of this.#pilot.messages) {
      const said = word.parse(message);
      if (said.kind === "held") onHeld(said.by);
      else if (said.kind === "taken") this.#taken.resolve(said.number);
      else this.#heardAt = Math.max(this.#heardAt, said.at);
    }
  }
}

function notTaken(host: Host, why: string): TurntableError {
  return new TurntableError("host.command-failed", `no lease can be had at ${host.name}: ${why}`, {
    ...{ retry: "safe", next: "Put the reason right at that host, then run `pulumi up` again." },
  });
}
