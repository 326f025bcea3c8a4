import { mkdir, readFile } from "node:fs/promises";
import { run } from "../../examples/lab/command.ts";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { description } from "../../examples/lab/description.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { writeAtomically } from "../../examples/lab/files.ts";
import { inventory } from "../../examples/lab/inventory.ts";
import { bringUp, takeDown } from "../../examples/lab/lab.ts";
import { layOut, REPOSITORY, SITES, type SiteName } from "../../examples/lab/layout.ts";
import { inventoryFile } from "../../examples/lab/publish.ts";
import { remains } from "../e2e/aftermath.ts";
import { settledTraces, type World } from "../e2e/world.ts";
import { freePorts } from "../lab/second-lab.ts";
import { cliDriver, type Driver, directDriver } from "./engine/driver.ts";

/** Far enough that an answer takes longer than a step, near enough that a move takes seconds. */
const RTT_MS = 20;
/** As much as a site holds: a copy of the disk and what is written meanwhile, with a gibibyte free as a move asks for. */
export const STORAGE_MIB = 1_280;
/** Filled by its application to a third. */
const MEMORY = { memoryMiB: 128, noiseMiB: 40 };

/** A lab of the matrix's own in which one cell after the other is played. */
export interface Lane {
  readonly here: World;
  readonly driver: Driver;
  /** What a site is like without the VM. */
  readonly bare: Readonly<Record<SiteName, string>>;
  close(): Promise<void>;
}

/** Builds a lane's lab anew, in place of what a run that was killed may have left of it. */
export async function openLane(number: number, kind: "cli" | "direct"): Promise<Lane> {
  const [ams, san, gateway, agentAms, transit, agentSan] = await freePorts(6);
  const name = number === 0 ? "faults" : `faults${number}`;
  const lab = layOut(
    description.parse({
      ...{ name, directory: `/var/lib/turntable-${name}` },
      ...(kind === "cli" ? { stack: name } : {}),
      span: { rttMs: RTT_MS, rateMbps: 1000, lossPercent: 0 },
      routed: { rateMbps: 20 },
      ports: { ams, san, gateway, agents: { ams: agentAms, transit, san: agentSan } },
    }),
  );
  const close = () => takeDown(lab, () => undefined);
  await close();
  try {
    for (const site of SITES) await giveStorage(lab.storage(site), lab.path(".turntable-lab"));
    await bringUp(lab, () => undefined);
    const here = await worldOf(lab);
    const bare = await bareSites(here);
    const stack = lab.path("engine-stack.json");
    const driver = kind === "cli" ? cliDriver(here) : directDriver(here.environment.TURNTABLE_LAB ?? "", stack);
    return { here, driver, bare, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** A file system of its own that can be full without anybody else's being so. */
async function giveStorage(folder: string, mark: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeAtomically(mark, "Made by the fault matrix; taking its lab down removes this directory.\n");
  await run(["mount", "-t", "tmpfs", "-o", `size=${STORAGE_MIB}m,mode=700`, "tmpfs", folder]);
}

/** The lab, with a smaller VM. */
async function worldOf(lab: World["lab"]): Promise<World> {
  const found = inventory.parse(JSON.parse(await readFile(inventoryFile(lab), "utf8")));
  const commandLine = `${found.vm.image.commandLine} MB=${MEMORY.noiseMiB}`;
  const vm = { ...found.vm, memoryMiB: MEMORY.memoryMiB, image: { ...found.vm.image, commandLine } };
  const file = lab.path("small-vm.json");
  await writeAtomically(file, JSON.stringify({ ...found, vm }));
  const environment = { ...shellEnvironment(lab), TURNTABLE_LAB: file };
  return {
    lab,
    inventory: { ...found, vm },
    environment,
    pulumi: new PulumiCli(REPOSITORY, environment, false),
  };
}

async function bareSites(here: World): Promise<Record<SiteName, string>> {
  await settledTraces(here);
  return { ams: await remains(here, "ams"), san: await remains(here, "san") };
}
