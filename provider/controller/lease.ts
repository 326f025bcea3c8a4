import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../context.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { PULSE, type Pulse } from "../host/pulse.ts";
import type { HypervisorHostRecord } from "../host/record.ts";
import type { Warrant } from "../hypervisor/hypervisor.ts";
import type { Narrator } from "../resource.ts";
import type { End } from "./move.ts";
import type { Location } from "./placement.ts";
import { type Claim, claimFor, Tenure } from "./tenure.ts";
import type { Whereabouts } from "./whereabouts.ts";

/** How long one controller waits for another, and how often it says so. */
export interface Patience extends Pulse {
  readonly waitMs: number;
  readonly tellMs: number;
}

const PATIENCE: Patience = { ...PULSE, waitMs: 15 * 60_000, tellMs: 10_000 };

/** The right to change a VM, at every host that could be reached. */
export interface Lease {
  /** Sites where it could not be taken, since they do not answer: nothing may be changed there. */
  readonly silent: Whereabouts["silent"];
  /** Why it is not held everywhere any more, if so: then another controller may be at work. */
  readonly lost: string | undefined;
  /** What pilots at this end are to obey. */
  warrantAt(end: End): Warrant;
}

interface Held {
  readonly record: HypervisorHostRecord;
  readonly tenure: Tenure;
  readonly number: number;
}

/** Beside the VM's folder, which comes and goes with it. No VM's name begins with a point. */
export const leasePath = (record: HypervisorHostRecord, vm: string): string => `${record.storage}/.${vm}.lease`;

/**
 * Does something to a VM as its only controller: takes its lease at every host of these sites, waits for whoever has
 * it and says for whom, and gives it back afterwards. Rejects with vm.busy if that takes longer than 15 min.
 */
export async function leased<T>(
  context: Context,
  vm: string,
  { sites, purpose }: { readonly sites: readonly Location[]; readonly purpose: string },
  act: (lease: Lease) => Promise<T>,
  patience = PATIENCE,
): Promise<T> {
  const claim = claimFor(purpose);
  const held: Held[] = [];
  try {
    const { reached, silent } = await reach(context, sites);
    const giveUpAt = performance.now() + patience.waitMs;
    for (const { host, record } of reached) {
      const wait = new Wait(vm, context.narrator, patience.tellMs);
      const seek = Tenure.seek(host, leasePath(record, vm), claim, patience, (by) => wait.isFor(by));
      held.push({ record, ...(await taken(seek, wait, giveUpAt)) });
    }
    return await act({
      silent,
      get lost() {
        return held.map(({ tenure }) => tenure.lost).find((why) => why !== undefined);
      },
      warrantAt: ({ record }) => {
        const number = held.find((one) => keyOf(one.record) === keyOf(record))?.number;
        if (number !== undefined) return { path: leasePath(record, vm), number };
        throw new TypeError(`no lease is held at ${record.name}`);
      },
    });
  } finally {
    await Promise.all(held.map(({ tenure }) => tenure.release()));
  }
}

/** What every controller knows a host by, whatever it calls it. */
const keyOf = ({ hostKey, storage }: HypervisorHostRecord): string => `${hostKey} ${storage}`;

/** Hosts in the one order that all controllers take leases in, so that no two wait for each other. */
async function reach(context: Context, sites: readonly Location[]) {
  const reached = new Map<string, { host: Host; record: HypervisorHostRecord }>();
  const silent: { site: string; reason: string }[] = [];
  const asked = sites.flatMap(({ name, hosts }) => hosts.map((record) => ({ site: name, record })));
  await Promise.all(
    asked.map(async ({ site, record }) => {
      try {
        reached.set(keyOf(record), { record, host: await context.hosts.open(record) });
      } catch (thrown) {
        silent.push({ site, reason: reasonOf(thrown) });
      }
    }),
  );
  const inOrder = [...reached].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, end]) => end);
  return { reached: inOrder, silent };
}

async function taken(seek: Promise<Tenure>, wait: Wait, giveUpAt: number): Promise<Omit<Held, "record">> {
  const tenure = await seek;
  const patience = new AbortController();
  const { signal } = patience;
  const over = sleep(giveUpAt - performance.now(), undefined, { signal }).then(() => Promise.reject(wait.tooLong()));
  over.catch(() => undefined);
  try {
    return { tenure, number: await Promise.race([tenure.taken, over]) };
  } catch (thrown) {
    await tenure.release();
    throw thrown;
  } finally {
    patience.abort();
    wait.end();
  }
}

/** What is told while another controller is waited for. */
class Wait {
  readonly #vm: string;
  readonly #narrator: Narrator;
  readonly #tellMs: number;
  readonly #since = performance.now();
  #for: string | undefined;
  #telling: NodeJS.Timeout | undefined;

  constructor(vm: string, narrator: Narrator, tellMs: number) {
    this.#vm = vm;
    this.#narrator = narrator;
    this.#tellMs = tellMs;
  }

  isFor({ who, pid, purpose, since }: Claim): void {
    this.#for = `pulumi of ${who} (pid ${pid}), which ${purpose} since ${since.slice(11, 19)} UTC`;
    this.#narrator.info(`${this.#vm}: waiting for ${this.#for}`);
    this.#telling ??= setInterval(() => this.#tell(), this.#tellMs);
  }

  tooLong(): TurntableError {
    const held = `${this.#vm} is still held by ${this.#for ?? "another controller"}, after ${this.#seconds} s`;
    return new TurntableError("vm.busy", held, {
      retry: "safe",
      next: "Wait until it has ended, or end that process; then run `pulumi up` again.",
    });
  }

  end(): void {
    clearInterval(this.#telling);
    if (this.#for !== undefined) this.#narrator.info(`${this.#vm}: waited ${this.#seconds} s for ${this.#for}`);
  }

  #tell(): void {
    this.#narrator.progress(`${this.#vm}: waiting for ${this.#for}, for ${this.#seconds} s`);
  }

  get #seconds(): number {
    return Math.round((performance.now() - this.#since) / 1_000);
  }
}
