import { readFile } from "node:fs/promises";
import { PulumiCli } from "../../../examples/lab/demo/pulumi.ts";
import { description } from "../../../examples/lab/description.ts";
import { shellEnvironment } from "../../../examples/lab/environment.ts";
import { writeAtomically } from "../../../examples/lab/files.ts";
import { type Inventory, inventory } from "../../../examples/lab/inventory.ts";
import { bringUp, takeDown } from "../../../examples/lab/lab.ts";
import { type Lab, layOut, REPOSITORY } from "../../../examples/lab/layout.ts";
import { inventoryFile } from "../../../examples/lab/publish.ts";
import { freePorts } from "../../lab/second-lab.ts";

/** A lab of the benchmark's own, beside any other, and the CLI at the repository's root with its stack. */
export interface BenchLab {
  readonly lab: Lab;
  readonly inventory: Inventory;
  readonly pulumi: PulumiCli;
  /** The same for a program that is told something else: what it reads of the lab is written to a file beside the lab's own. */
  changed(changes: Partial<Inventory>): Promise<Pick<BenchLab, "inventory" | "pulumi">>;
}

/** Builds the lab anew at a round trip, in place of what a run that was killed may have left of it. */
export async function openLab(rttMs: number): Promise<BenchLab> {
  const [ams, san, gateway, agentAms, transit, agentSan] = await freePorts(6);
  const lab = layOut(
    description.parse({
      ...{ name: "bench", directory: "/var/lib/turntable-bench", stack: "bench" },
      span: { rttMs, rateMbps: 1000, lossPercent: 0 },
      routed: { rateMbps: 20 },
      ports: { ams, san, gateway, agents: { ams: agentAms, transit, san: agentSan } },
    }),
  );
  await closeLab({ lab });
  try {
    await bringUp(lab, () => undefined);
  } catch (thrown) {
    await closeLab({ lab });
    throw thrown;
  }
  const found = inventory.parse(JSON.parse(await readFile(inventoryFile(lab), "utf8")));
  const environment = shellEnvironment(lab);
  return {
    lab,
    inventory: found,
    pulumi: new PulumiCli(REPOSITORY, environment, false),
    async changed(changes) {
      const file = lab.path("changed.json");
      const changed = { ...found, ...changes };
      await writeAtomically(file, JSON.stringify(changed));
      const pulumi = new PulumiCli(REPOSITORY, { ...environment, TURNTABLE_LAB: file }, false);
      return { inventory: changed, pulumi };
    },
  };
}

/** Leaves nothing of it, whatever still runs in it. */
export async function closeLab({ lab }: Pick<BenchLab, "lab">): Promise<void> {
  await takeDown(lab, () => undefined);
}
