import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { attempt, run } from "../../../../examples/lab/command.ts";
import { writeAtomically } from "../../../../examples/lab/files.ts";
import { type Lab, LIGHTPATH_ADDRESS, SITES } from "../../../../examples/lab/layout.ts";
import { GuestControl } from "../../../../examples/lab/probe/guest-control.ts";
import type { BenchLab } from "../lab.ts";
import { overPath } from "../path.ts";
import type { GivenUpSample, VirshSample } from "../samples.ts";
import { LOADS, type Variant } from "../variants.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { domainXml, TAP } from "./domain.ts";
import { LifeEvents } from "./events.ts";

const BRIDGE = "virshbr0";
/** MiB/s, a little under the path's 900 Mbit/s: without it the last of the memory waits behind a queue. */
const BANDWIDTH_MIBPS = 95;
const BOOT_SECONDS = 60;
const SETTLE_MS = 3_000;
/** Plain virsh never gives up by itself; an idle VM takes it a fifth of this. */
const MOST_MS = 120_000;

/** The lab's VM, new, goes from ams to san by `virsh migrate --copy-storage-all`, over the path that a move gets. */
export async function measureVirsh(
  { lab, inventory }: BenchLab,
  variant: Extract<Variant, { kind: "virsh" }>,
): Promise<VirshSample | GivenUpSample> {
  const ams = await startDaemon(lab, "ams");
  try {
    const san = await startDaemon(lab, "san");
    try {
      await layNetwork(lab, inventory.vm.network.gateway);
      const vm = inventory.vm;
      await copyFile(vm.disks[0]?.image ?? "", join(ams.images, "data.qcow2"));
      const size = `${vm.disks[0]?.sizeMiB}M`;
      await run(["qemu-img", "create", "-q", "-f", "qcow2", join(san.images, "data.qcow2"), size]);
      const description = lab.path("virsh", "domain.xml");
      await writeAtomically(description, domainXml(vm));
      await run(["virsh", "-c", ams.uri, "create", description]);
      const guest = await GuestControl.connect(
        lab.namespaces.ams,
        vm.network.address.split("/")[0] ?? "",
        BOOT_SECONDS,
      );
      await guest.load(LOADS[variant.load]);
      await sleep(SETTLE_MS);
      const taken = await overPath(inventory, () => migrate(vm.name, ams, san));
      await guest.close();
      return { variant: variant.id, ...taken };
    } finally {
      await leave(san, inventory.vm.name);
    }
  } finally {
    await leave(ams, inventory.vm.name);
    await removeNetwork(lab);
  }
}

type Taken = Omit<VirshSample, "variant"> | Omit<GivenUpSample, "variant">;

async function migrate(vm: string, ams: Daemon, san: Daemon): Promise<Taken> {
  const [here, there] = [new LifeEvents(ams.uri), new LifeEvents(san.uri)];
  const patience = new AbortController();
  try {
    const startedAt = performance.now();
    const migrated = attempt([
      ...["virsh", "-c", ams.uri, "migrate", vm, san.peerUri, "--live", "--p2p", "--copy-storage-all"],
      ...["--bandwidth", `${BANDWIDTH_MIBPS}`, "--migrateuri", `tcp://${LIGHTPATH_ADDRESS.san}`],
    ]);
    const late = sleep(MOST_MS, "late" as const, patience);
    late.catch(() => undefined);
    const first = await Promise.race([migrated, late]);
    if (first === "late") await run(["virsh", "-c", ams.uri, "domjobabort", vm]);
    const { code, stderr } = await migrated;
    const totalMs = Math.round(performance.now() - startedAt);
    if (code !== 0 && first === "late") return { kind: "given-up", afterMs: totalMs };
    if (code !== 0) throw new Error(`virsh migrate ended with ${code}: ${stderr.trim()}`);
    const [stopAtMs, resumeAtMs] = [await here.timeOf("Suspended Migrated"), await there.timeOf("Resumed Migrated")];
    return { kind: "virsh", blackoutMs: resumeAtMs - stopAtMs, totalMs };
  } finally {
    patience.abort();
    await Promise.all([here.stop(), there.stop()]);
  }
}

/** A tap at each site, and at ams a bridge with the VM's gateway, by which it is told how to work. */
async function layNetwork(lab: Lab, gateway: string): Promise<void> {
  for (const site of SITES) {
    const inside = ["ip", "-n", lab.namespaces[site]];
    await run([...inside, "link", "add", BRIDGE, "type", "bridge"]);
    await run([...inside, "tuntap", "add", "dev", TAP, "mode", "tap"]);
    await run([...inside, "link", "set", TAP, "master", BRIDGE, "up"]);
    await run([...inside, "link", "set", BRIDGE, "up"]);
  }
  await run(["ip", "-n", lab.namespaces.ams, "address", "add", `${gateway}/24`, "dev", BRIDGE]);
}

async function removeNetwork(lab: Lab): Promise<void> {
  for (const site of SITES) {
    for (const device of [TAP, BRIDGE]) await attempt(["ip", "-n", lab.namespaces[site], "link", "delete", device]);
  }
}

/** The VM's end, if it is there, and the daemon's. */
async function leave(daemon: Daemon, vm: string): Promise<void> {
  await attempt(["virsh", "-c", daemon.uri, "destroy", vm]);
  await daemon.stop();
}
