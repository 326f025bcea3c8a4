import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { SiteName } from "../../examples/lab/layout.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { commandOf, holderOf, processesIn } from "../breakage/processes.ts";
import { until } from "../breakage/until.ts";
import { inside, type World } from "../e2e/world.ts";
import type { Up } from "./engine/driver.ts";

/** A move that is to be broken. */
export interface Setting {
  readonly here: World;
  readonly from: SiteName;
  readonly to: SiteName;
}

/** The same, under way. */
export interface Scene extends Setting {
  readonly up: Up;
}

export type Mend = () => Promise<void>;
export const nothingToMend: Mend = async () => undefined;

/** Where a VM's files are at a site. */
export const folderAt = ({ here: { lab, inventory } }: Setting, site: SiteName): string =>
  `${lab.storage(site)}/${inventory.vm.name}`;

/** The pilot beside a site's QEMU. */
export async function pilotAt(setting: Setting, site: SiteName): Promise<number | undefined> {
  return await holderOf(setting.here.lab.namespaces[site], `${folderAt(setting, site)}/qmp-pilot.sock`);
}

export async function requirePilot(setting: Setting, site: SiteName): Promise<number> {
  const pid = await pilotAt(setting, site);
  if (pid !== undefined) return pid;
  throw new Error(`no pilot stands beside QEMU at ${site}`);
}

/** QEMU at a site, if it is there. */
export async function qemuAt({ here }: Setting, site: SiteName): Promise<number | undefined> {
  const pids = await processesIn(here.lab.namespaces[site]);
  return pids.find((pid) => commandOf(pid).startsWith("qemu-system"));
}

/** Ticks (10 ms) of processor time that QEMU has had. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.replace(/^.*\) /s, "").split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

/** Frames that the guest has sent at a site. */
export async function framesSent({ here: { lab, inventory } }: Setting, site: SiteName): Promise<number> {
  return Number(await inside(lab.namespaces[site], "cat", counterOf(inventory.vm.name)).catch(() => "0"));
}

export const counterOf = (vm: string): string => `/sys/class/net/${segmentOf(vm).tap}/statistics/rx_packets`;

const LOOK_MS = 400;
/** The guest's clock loop takes several of each ten ticks; a QEMU whose guest stands still takes none. */
const RUNNING_TICKS = 3;

/** What a site has of the VM at this moment, by its processes and devices alone. */
export async function lookAt(setting: Setting, site: SiteName): Promise<"runs" | "stands still" | "absent"> {
  const pid = await qemuAt(setting, site);
  if (pid === undefined) return "absent";
  const [ticks, frames] = [await ticksOf(pid), await framesSent(setting, site)];
  await sleep(LOOK_MS);
  const runs = (await ticksOf(pid)) - ticks >= RUNNING_TICKS || (await framesSent(setting, site)) > frames;
  return runs ? "runs" : "stands still";
}

const journal = z.looseObject({
  stages: z.array(z.object({ stage: z.string(), state: z.string(), at: z.string() })),
  borrowed: z.looseObject({ connection: z.string().optional() }),
});

export async function journalAt(setting: Setting, site: SiteName): Promise<z.output<typeof journal> | undefined> {
  const text = await readFile(`${folderAt(setting, site)}/journal.json`, "utf8").catch(() => undefined);
  return text === undefined ? undefined : journal.parse(JSON.parse(text));
}

/** Waits until a stage is in a state, as the journal at a site tells. */
export async function whenStage(setting: Setting, site: SiteName, stage: string, state = "begun"): Promise<void> {
  await until(
    `stage ${stage} is ${state}`,
    async () =>
      ((await journalAt(setting, site))?.stages ?? []).some((one) => one.stage === stage && one.state === state),
    60_000,
    2,
  );
}

/** What the VM's record at a site says: "active", "incoming" or "refused"; undefined if there is none. */
export function roleAt(setting: Setting, site: SiteName): string | undefined {
  try {
    const record = readFileSync(`${folderAt(setting, site)}/vm.json`, "utf8");
    return z.looseObject({ role: z.string() }).parse(JSON.parse(record)).role;
  } catch {
    return undefined;
  }
}
