import { readFile, rm, writeFile } from "node:fs/promises";
import { run } from "../../../examples/lab/command.ts";
import { ensure } from "../../../examples/lab/piece.ts";
import { sshdPiece } from "../../../examples/lab/sshd.ts";
import { isAlive, processesIn, signal } from "../../breakage/processes.ts";
import { until } from "../../breakage/until.ts";
import { mountNamespaceOf } from "../../e2e/breakage.ts";
import { inside } from "../../e2e/world.ts";
import { Monitor } from "../../lab/guest/qmp.ts";
import { STORAGE_MIB } from "../lane.ts";
import { folderAt, type Mend, nothingToMend, qemuAt, roleAt, type Scene, type Setting } from "../scene.ts";
import type { Fault } from "./fault.ts";

/** Power fails at the destination: it is silent, its processes and devices are gone, its disks stay. Then it comes back. */
export const destinationTornDown: Fault = {
  silencesDestination: true,
  async inject({ here, to }) {
    const name = here.lab.namespaces[to];
    const silent = ["input", "output"].map((hook) => `chain ${hook} { type filter hook ${hook} priority 0; drop; };`);
    await inside(name, "nft", `table inet broken { ${silent.join(" ")} }`);
    await until(`nobody is at ${to}`, async () => {
      const pids = await processesIn(name);
      for (const pid of pids) signal(pid, "SIGKILL");
      return pids.length === 0;
    });
    await loseDevices(name);
    return async () => {
      await inside(name, "nft", "delete table inet broken");
      await ensure(sshdPiece(here.lab, to));
    };
  },
};

/** What a host's ports are by themselves stays, what was made of them or beside them goes. */
async function loseDevices(namespace: string): Promise<void> {
  const links = await inside(namespace, "ip", "-o", "link", "show");
  const made = [...links.matchAll(/^\d+: (tt[a-z]-[0-9a-f]+)/gm)].map(([, name = ""]) => name);
  for (const name of made) await inside(namespace, "ip", "link", "delete", name);
  for (const channel of [0, 1]) {
    await inside(namespace, "ip", "address", "flush", "dev", `lp${channel}`);
    await run(["ip", "-n", namespace, "link", "set", `lp${channel}`, "down"]);
  }
}

/** The file system that holds the VMs there has not a block left. Then it has, and a VM that it stopped is let go on. */
export const destinationDiskFull: Fault = {
  async inject(scene) {
    const { here, to } = scene;
    const folder = here.lab.storage(to);
    // What is being written meanwhile makes it larger than it was measured.
    await until(`${folder} is full`, () => fill(folder), 10_000, 1);
    return async () => {
      await resize(folder, `${STORAGE_MIB}m`);
      await letGoOn(scene);
    };
  },
};

/** QEMU stops a guest whose write finds no room, and does not let it go on by itself. */
async function letGoOn(scene: Scene): Promise<void> {
  if (roleAt(scene, scene.to) !== "active" || (await qemuAt(scene, scene.to)) === undefined) return;
  const monitor = await Monitor.open(`${folderAt(scene, scene.to)}/qmp-observer.sock`);
  await monitor.execute("cont").finally(() => monitor.close());
}

async function fill(folder: string): Promise<boolean> {
  const used = (await run(["df", "--output=used", "-k", folder])).trim().split("\n").at(-1);
  return await resize(folder, `${Number(used)}k`).then(
    () => true,
    () => false,
  );
}

async function resize(folder: string, size: string): Promise<void> {
  await run(["mount", "-o", `remount,size=${size}`, folder]);
}

const MEMORY_LEFT_KB = 64 << 10;

/**
 * Before the move has its room the host says that it has little; afterwards the kernel gives the QEMU there no more than
 * it has by then (RLIMIT_AS), upon which it ends itself sooner or later.
 */
export const destinationMemoryShort: Fault = {
  prepare: (setting, moment) => (moment === "before copy" ? claimPoverty(setting) : Promise.resolve(nothingToMend)),
  early: ["before copy"],
  async inject(scene) {
    const pid = await qemuAt(scene, scene.to);
    if (pid === undefined) throw new Error(`there is no QEMU at ${scene.to}`);
    const has = /^VmSize:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
    await limitMemory(pid, String(Number(has) * 1024));
    return async () => {
      if (isAlive(pid)) await limitMemory(pid, "unlimited");
    };
  },
};

/** As the site alone sees it. */
async function claimPoverty({ here, to }: Setting): Promise<Mend> {
  const file = here.lab.path("run", "meminfo");
  const truth = await readFile("/proc/meminfo", "utf8");
  await writeFile(file, truth.replace(/^MemAvailable:.*$/m, `MemAvailable: ${MEMORY_LEFT_KB} kB`));
  const at = await mountNamespaceOf(here, `sshd-${to}`);
  await run([...at, "mount", "--bind", file, "/proc/meminfo"]);
  return async () => {
    await run([...at, "umount", "/proc/meminfo"]);
    await rm(file);
  };
}

async function limitMemory(pid: number, bytes: string): Promise<void> {
  // The soft limit: the hard one could only be lowered.
  await run(["prlimit", "--pid", String(pid), `--as=${bytes}:`]);
}
