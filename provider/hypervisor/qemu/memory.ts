import { z } from "zod";
import type { Progress } from "../hypervisor.ts";
import type { Qmp } from "./qmp.ts";

const CAPABILITIES = ["events", "pause-before-switchover", "return-path"];
/** QEMU plans its last round by this; what a switchover costs besides is flight time and the pilots' work. */
const DOWNTIME_LIMIT_MS = 30;

const migration = z.looseObject({
  status: z.string().optional(),
  "expected-downtime": z.number().optional(),
  "error-desc": z.string().optional(),
  ram: z
    .looseObject({
      ...{ transferred: z.number(), total: z.number(), remaining: z.number(), mbps: z.number() },
      "dirty-sync-count": z.number(),
    })
    .optional(),
  "socket-address": z.array(z.looseObject({ type: z.string(), port: z.string().optional() })).optional(),
});

/** The destination awaits the memory at an address of QEMU's (`tcp:…`, `unix:…`). */
export async function listenForMemory(qmp: Qmp, uri: string): Promise<void> {
  await setUp(qmp, { "downtime-limit": DOWNTIME_LIMIT_MS });
  await qmp.execute("migrate-incoming", { uri });
}

/** The port that it took, of one that listens on TCP. */
export async function memoryPort(qmp: Qmp): Promise<number> {
  const listening = await qmp.query("query-migrate", migration);
  return z.coerce.number().int().positive().parse(listening["socket-address"]?.[0]?.port);
}

/**
 * Readies the source for a pre-copy at the path's rate, to which the host's end of the path is shaped. It pauses by
 * itself before the switchover, where the source's pilot takes over.
 */
export async function prepareMemory(qmp: Qmp, bandwidthMbps: number): Promise<void> {
  const maxBandwidth = Math.floor((bandwidthMbps * 1e6) / 8);
  await setUp(qmp, { "downtime-limit": DOWNTIME_LIMIT_MS, "max-bandwidth": maxBandwidth });
}

/** Progress of the running pre-copy, or undefined before the first figures. */
export async function memoryProgress(qmp: Qmp): Promise<Progress | undefined> {
  const state = await qmp.query("query-migrate", migration);
  if (!state.ram) return undefined;
  const { transferred, remaining, mbps } = state.ram;
  const expected = state["expected-downtime"];
  return {
    what: "memory",
    doneBytes: transferred,
    totalBytes: transferred + remaining,
    bytesPerSecond: (mbps * 1e6) / 8,
    round: state.ram["dirty-sync-count"],
    ...(expected === undefined ? {} : { expectedDowntimeMs: expected }),
  };
}

async function setUp(qmp: Qmp, parameters: Readonly<Record<string, number>>): Promise<void> {
  const capabilities = CAPABILITIES.map((capability) => ({ capability, state: true }));
  await qmp.execute("migrate-set-capabilities", { capabilities });
  await qmp.execute("migrate-set-parameters", parameters);
}
