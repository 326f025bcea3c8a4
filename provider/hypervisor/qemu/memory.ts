import { z } from "zod";
import type { Progress } from "../hypervisor.ts";
import type { Qmp } from "./qmp.ts";

const CAPABILITIES = ["events", "pause-before-switchover", "return-path"];
/** At first nobody is held back: QEMU slows the guest down as far as it is allowed to, and this is next to nothing. */
const UNTHROTTLED = { "cpu-throttle-initial": 1, "cpu-throttle-increment": 1, "max-cpu-throttle": 1 };
/** QEMU measures its pages so, whatever the guest's are. */
const PAGE_BYTES = 4096;

const migration = z.looseObject({
  status: z.string().optional(),
  "expected-downtime": z.number().optional(),
  "error-desc": z.string().optional(),
  ram: z
    .looseObject({
      ...{ transferred: z.number(), total: z.number(), remaining: z.number(), mbps: z.number() },
      "dirty-sync-count": z.number(),
      "dirty-pages-rate": z.number(),
    })
    .optional(),
  "socket-address": z.array(z.looseObject({ type: z.string(), port: z.string().optional() })).optional(),
});

const FRUITLESS = new Set(["none", "cancelling", "cancelled", "failed"]);

/** The destination awaits the memory at an address of QEMU's (`tcp:…`, `unix:…`). */
export async function listenForMemory(qmp: Qmp, uri: string): Promise<void> {
  await setCapabilities(qmp, CAPABILITIES);
  await qmp.execute("migrate-incoming", { uri });
}

/** The port that it took, of one that listens on TCP. */
export async function memoryPort(qmp: Qmp): Promise<number> {
  const listening = await qmp.query("query-migrate", migration);
  return z.coerce.number().int().positive().parse(listening["socket-address"]?.[0]?.port);
}

/**
 * Readies the source for a pre-copy at the path's rate, to which the host's end of the path is shaped. It pauses by
 * itself before the switchover, where the source's pilot takes over, when the last round takes no longer than the limit.
 */
export async function prepareMemory(qmp: Qmp, bandwidthMbps: number, downtimeLimitMs: number): Promise<void> {
  await setCapabilities(qmp, [...CAPABILITIES, "auto-converge"]);
  const parameters = {
    "downtime-limit": downtimeLimitMs,
    "max-bandwidth": bytesPerSecond(bandwidthMbps),
    ...UNTHROTTLED,
  };
  await qmp.execute("migrate-set-parameters", parameters);
}

/** Lets the last round of a running pre-copy take so long. */
export async function allowDowntime(qmp: Qmp, downtimeLimitMs: number): Promise<void> {
  await qmp.execute("migrate-set-parameters", { "downtime-limit": downtimeLimitMs });
}

/** The path carries so much from now on. */
export async function setBandwidth(qmp: Qmp, bandwidthMbps: number): Promise<void> {
  await qmp.execute("migrate-set-parameters", { "max-bandwidth": bytesPerSecond(bandwidthMbps) });
}

/** Has QEMU slow down the processors of a guest that keeps ahead of a running pre-copy, up to that share of their time. */
export async function throttle(qmp: Qmp, percent: number): Promise<void> {
  await qmp.execute("migrate-set-parameters", { "max-cpu-throttle": percent, "cpu-throttle-increment": percent });
}

/** Progress of the running pre-copy, or how it ended; undefined before the first figures. */
export async function memoryProgress(qmp: Qmp): Promise<Progress | undefined> {
  const state = await qmp.query("query-migrate", migration);
  // What QEMU still tells of a migration that failed is of an earlier one, or of one that counts no more.
  if (!state.ram || FRUITLESS.has(state.status ?? "none")) return undefined;
  const { transferred, remaining, mbps } = state.ram;
  const expected = state["expected-downtime"];
  return {
    what: "memory",
    doneBytes: transferred,
    totalBytes: transferred + remaining,
    bytesPerSecond: (mbps * 1e6) / 8,
    round: state.ram["dirty-sync-count"],
    dirtiedBytesPerSecond: state.ram["dirty-pages-rate"] * PAGE_BYTES,
    ...(expected === undefined ? {} : { expectedDowntimeMs: expected }),
  };
}

const bytesPerSecond = (mbps: number): number => Math.floor((mbps * 1e6) / 8);

async function setCapabilities(qmp: Qmp, names: readonly string[]): Promise<void> {
  const capabilities = names.map((capability) => ({ capability, state: true }));
  await qmp.execute("migrate-set-capabilities", { capabilities });
}
