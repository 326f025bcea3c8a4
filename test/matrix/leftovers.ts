import { setTimeout as sleep } from "node:timers/promises";
import { SITES, type SiteName } from "../../examples/lab/layout.ts";
import { commandOf, isSentProgram, processesIn } from "../breakage/processes.ts";
import { owed, owedNow, remains } from "../e2e/aftermath.ts";
import { movesLeftovers } from "../e2e/crash.ts";
import type { Lane } from "./lane.ts";
import { journalAt, qemuAt, roleAt, type Setting } from "./scene.ts";

/** In a word or two each, what a broken move has left, besides a VM that runs at `home`. */
export async function leftNow(setting: Setting, home: SiteName | undefined): Promise<string[]> {
  const { here } = setting;
  const found = new Set<string>();
  for (const site of SITES) {
    const end = site === setting.from ? "source" : "destination";
    if (await journalAt(setting, site)) found.add("journal");
    if (site !== home && (await qemuAt(setting, site)) !== undefined) found.add(`QEMU at the ${end}`);
    else if (site !== home && roleAt(setting, site) !== undefined) found.add(`files at the ${end}`);
    for (const pid of await processesIn(here.lab.namespaces[site])) {
      const helper = /^(?:\S*\/)?(nbdkit|stunnel)/.exec(commandOf(pid))?.[1];
      if (helper !== undefined) found.add(`${helper} at the ${end}`);
      else if (isSentProgram(pid)) found.add(`pilot at the ${end}`);
    }
  }
  for (const one of await owedNow(here)) found.add(WORDS.find(([pattern]) => pattern.test(one))?.[1] ?? one);
  return [...found];
}

const WORDS = [
  [/: connection /, "reservation"],
  [/: segment /, "reservation"],
  [/: grant /, "grant"],
  [/: token /, "token"],
  [/master/, "path"],
] as const;

/** Everything that must not be there any more once all is over; empty if nothing is, or soon will not be. */
export async function leftForGood({ bare }: Lane, setting: Setting, home: SiteName | undefined): Promise<string[]> {
  const { here } = setting;
  const away = SITES.filter((site) => site !== home);
  const sites = await Promise.all(
    away.map(async (site) => await settle(async () => difference(await remains(here, site), bare[site]), site)),
  );
  const beside = home === undefined ? [] : await settle(() => movesLeftovers(here, home), home);
  return [...sites.flat(), ...beside, ...(await owed(here))];
}

/** More than the 30 s for which a pilot calls a gateway where nobody listens any more (TURN_MS, pilot/arrival.py). */
const SETTLING_MS = 40_000;
const LOOK_EVERY_MS = 500;

async function settle(look: () => Promise<string[]>, site: SiteName): Promise<string[]> {
  for (const deadline = Date.now() + SETTLING_MS; ; ) {
    const found = await look();
    if (found.length === 0) return [];
    if (Date.now() > deadline) return found.map((line) => `${site}: ${line}`);
    await sleep(LOOK_EVERY_MS);
  }
}

function difference(now: string, bare: string): string[] {
  const before = new Set(bare.split("\n"));
  const after = new Set(now.split("\n"));
  const more = [...after].filter((line) => !before.has(line));
  const less = [...before].filter((line) => !after.has(line)).map((line) => `no longer: ${line}`);
  return [...more, ...less];
}
