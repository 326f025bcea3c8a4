import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { diskNode, fileNode, layerNode } from "./command-line.ts";
import { files } from "./files.ts";
import { layersAt } from "./layers.ts";
import { requireMonitor } from "./monitor.ts";
import type { Qmp } from "./qmp.ts";

const POLL_MS = 100;

const jobs = z.array(z.looseObject({ device: z.string(), status: z.string(), error: z.string().optional() }));
const nodes = z.array(z.looseObject({ "node-name": z.string() }));

/**
 * Merges what a move brought on top of a replica into it, while the VM runs: afterwards the base is the generation
 * that came, and chains are as long as they were. What broke off is taken up where it is; where there is nothing to
 * merge nothing happens.
 */
export async function mergeDelta(place: Place, vm: VmSpec): Promise<void> {
  const at = files(place.directory);
  // The base is no replica any more from the moment that something is merged into it.
  await place.host.remove(at.replica);
  if (!(await layersAt(place, vm)).includes("delta")) return;
  const qmp = await requireMonitor(place, vm.name);
  try {
    for (const { name } of vm.disks) {
      await merge(place, qmp, name);
      await place.host.remove(at.disk(name, "delta"));
    }
  } finally {
    qmp.close();
  }
}

async function merge(place: Place, qmp: Qmp, disk: string): Promise<void> {
  const delta = layerNode(disk, "delta");
  const job = `merge-${disk}`;
  const running = (await qmp.query("query-block-jobs", jobs)).some(({ device }) => device === job);
  if (!running && (await hasNode(qmp, delta))) {
    const layers = { device: diskNode(disk), "top-node": delta, "base-node": layerNode(disk, "base") };
    await qmp.execute("block-commit", { "job-id": job, ...layers, "auto-dismiss": false });
  }
  await concluded(place, qmp, job);
  // Whoever reads the file must find there what QEMU still keeps of it.
  await qmp.execute("human-monitor-command", { "command-line": `qemu-io ${layerNode(disk, "base")} flush` });
  for (const node of [delta, fileNode(delta)]) {
    if (await hasNode(qmp, node)) await qmp.execute("blockdev-del", { "node-name": node });
  }
}

async function hasNode(qmp: Qmp, name: string): Promise<boolean> {
  return (await qmp.query("query-named-block-nodes", nodes, { flat: true })).some((node) => node["node-name"] === name);
}

/** The end of a job that stays on record until it is dismissed; one that is not there has ended. */
async function concluded(place: Place, qmp: Qmp, job: string): Promise<void> {
  for (;;) {
    const found = (await qmp.query("query-block-jobs", jobs)).find(({ device }) => device === job);
    if (found === undefined) return;
    if (found.status === "concluded") {
      await qmp.execute("job-dismiss", { id: job });
      if (found.error === undefined) return;
      throw new TurntableError("hypervisor.failed", `${job} at ${place.site} failed: ${found.error}`, {
        ...{ retry: "safe", next: "See that there is room on that host's disk, and run `pulumi up` again." },
      });
    }
    await sleep(POLL_MS);
  }
}
