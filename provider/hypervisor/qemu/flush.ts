import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Place, SendRequest } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { files } from "./files.ts";
import { receivingLayer } from "./mirror.ts";
import { requireMonitor } from "./monitor.ts";
import type { Qmp } from "./qmp.ts";

const FLUSH_TIMEOUT_MS = 600_000;
const BUSY_TIMEOUT_MS = 10_000;

const nodes = z.array(z.looseObject({ "node-name": z.string(), drv: z.string() }));

/** Block nodes of the VM's disks, those of every layer. */
async function nodesOf(qmp: Qmp): Promise<readonly string[]> {
  const all = await qmp.query("query-named-block-nodes", nodes, { flat: true });
  return all.filter(({ drv }) => drv === "qcow2").map((node) => node["node-name"]);
}

/** What has arrived of the disks goes to the destination's own disk ahead of the pilot's flush, which no guest runs during. */
export async function writeDown({ destination, vm, arrival }: SendRequest): Promise<void> {
  const at = files(destination.directory);
  const paths = vm.disks.map(({ name }) => at.disk(name, receivingLayer(arrival)));
  await destination.host.run(["sync", ...paths], { timeoutMs: FLUSH_TIMEOUT_MS });
}

/** See Hypervisor.flush. Rejects with hypervisor.failed. */
export async function flush(place: Place, vm: VmSpec): Promise<void> {
  const qmp = await requireMonitor(place, vm.name);
  try {
    await flushDisks(place, qmp, vm);
  } finally {
    qmp.close();
  }
}

/**
 * What QEMU still keeps of its disks goes to the host's disk too. No command of QMP flushes and tells how it went; an NBD client's flush does (NBD
 * protocol, NBD_CMD_FLUSH).
 */
async function flushDisks(place: Place, qmp: Qmp, vm: VmSpec): Promise<void> {
  const { flushSocket } = files(place.directory);
  await serve(qmp, flushSocket);
  try {
    for (const node of await nodesOf(qmp)) {
      const id = `flush-${node}`;
      await qmp.execute("block-export-add", { type: "nbd", id, "node-name": node, name: node, writable: true });
      const argv = ["qemu-io", "-f", "raw", "-c", "flush", `nbd+unix:///${node}?socket=${flushSocket}`];
      const { code, stderr } = await place.host.run(argv, { allowFailure: true, timeoutMs: FLUSH_TIMEOUT_MS });
      if (code !== 0) throw notFlushed(place, vm, node, stderr);
    }
  } finally {
    await qmp.execute("nbd-server-stop").catch(() => undefined);
  }
}

/** QEMU serves once at a time: whoever outlived a pilot may be flushing just now. */
async function serve(qmp: Qmp, socketPath: string): Promise<void> {
  for (const deadline = Date.now() + BUSY_TIMEOUT_MS; ; await sleep(100)) {
    try {
      await qmp.execute("nbd-server-start", { addr: { type: "unix", data: { path: socketPath } } });
      return;
    } catch (thrown) {
      if (Date.now() > deadline) throw thrown;
    }
  }
}

function notFlushed({ host, directory }: Place, vm: VmSpec, node: string, stderr: string): TurntableError {
  const reason = stderr.trim() === "" ? "" : `: ${stderr.trim()}`;
  return new TurntableError("hypervisor.failed", `${node} of ${vm.name} cannot be flushed at ${host.name}${reason}`, {
    ...{ retry: "unsafe", next: `See ${files(directory).log} there, mend its storage and run \`pulumi up\` again.` },
  });
}
