import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Arrival, Place, SendRequest } from "../../provider/hypervisor/hypervisor.ts";
import { files } from "../../provider/hypervisor/qemu/files.ts";
import { abandonMirrors, beginMirrors, offerDisks } from "../../provider/hypervisor/qemu/mirror.ts";
import { requireMonitor } from "../../provider/hypervisor/qemu/monitor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { mintCredentials, type WayCredentials } from "../../provider/hypervisor/qemu/way/credentials.ts";
import { credentialFiles, deliver } from "../../provider/hypervisor/qemu/way/delivery.ts";
import { guardDisks, guardedNearEnd } from "../../provider/hypervisor/qemu/way/disk.ts";
import { freePort } from "../../provider/hypervisor/qemu/way/free-port.ts";
import { closeWay } from "../../provider/hypervisor/qemu/way/memory.ts";
import type { DiskRemote } from "../../provider/hypervisor/qemu/way/near-end.ts";
import { capture } from "./capture.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";
import { show } from "./way-leaf.ts";

const run = promisify(execFile);
const KERNEL = Buffer.from("Linux version ");
let hosts: TwoHosts;
let genuine: WayCredentials;
/** Of another move between the same two hosts. */
let earlier: WayCredentials;

beforeAll(async () => {
  hosts = await twoHosts("way");
  await qemu.start(hosts.here, hosts.vm, 1);
  for (let tries = 0; !(await serial()).includes("GUEST READY"); tries++) {
    if (tries > 300) throw new Error("the guest did not boot");
    await sleep(100);
  }
  genuine = await mintCredentials(hosts.there.lightpathAddress);
  earlier = await mintCredentials(hosts.there.lightpathAddress);
}, 120_000);
afterAll(async () => hosts?.close());

const arrival = (epoch: number): Arrival => ({
  ...{ epoch, generation: `move-${epoch}`, machine: hosts.machine, onto: "nothing" },
});

const serial = async () => (await hosts.here.host.readFile(`${hosts.here.directory}/serial.log`)) ?? "";

describe("the disks' way", () => {
  /** Whether a near end gets as far as a mirror of the guest's disk, with what lies at the source. */
  async function reaches(remote: DiskRemote): Promise<boolean> {
    const qmp = await requireMonitor(hosts.here, hosts.vm.name);
    try {
      await beginMirrors(hosts.here, qmp, hosts.vm, remote, arrival(2));
      return true;
    } catch (thrown) {
      expect(String(thrown)).toMatch(/nbdkit for disk data did not reach/);
      return false;
    } finally {
      await abandonMirrors(hosts.here, qmp, hosts.vm);
      qmp.close();
    }
  }

  test("leads to the destination's leaf, and to no impostor at its address", async () => {
    const { here, there } = hosts;
    await deliver(here, there, genuine);
    const pidFile = `${there.directory}/impostor.pid`;
    const shown = [
      { leaf: genuine.destination, reached: true },
      { leaf: earlier.destination, reached: false },
      { leaf: genuine.source, reached: false },
    ];
    for (const { leaf, reached } of shown) {
      await show(there, "server", leaf);
      const port = await freePort(there);
      const listen = ["-f", "-i", there.lightpathAddress, "-p", String(port), "-P", pidFile];
      const tls = ["--tls=require", `--tls-certificates=${credentialFiles(there, "server").directory}`];
      const logFile = `${there.directory}/impostor.log`;
      const pid = await there.host.launch(["nbdkit", ...listen, ...tls, "memory", "1G"], { logFile });
      while ((await there.host.readFile(pidFile)) === undefined) await sleep(20);
      const remote = { address: there.lightpathAddress, port, nearEnd: guardedNearEnd(here) };
      expect(await reaches(remote), leaf.name).toBe(reached);
      process.kill(pid, "SIGKILL");
      await there.host.remove(pidFile);
    }
    await there.host.remove(there.directory);
  }, 120_000);

  test("is open to the source's leaf, and to nobody else", async () => {
    const { here, there, vm } = hosts;
    await qemu.receive(there, vm, arrival(2));
    await deliver(here, there, genuine);
    const qmp = await requireMonitor(there, vm.name);
    const offer = await guardDisks(there, qmp, genuine.source.name);
    const remote = await offerDisks(there, qmp, vm, { offer, nearEnd: guardedNearEnd(here) }, arrival(2));
    qmp.close();
    expect(await reaches({ ...remote, nearEnd: [] }), "no TLS").toBe(false);
    for (const leaf of [undefined, genuine.destination, earlier.source]) {
      await show(here, "client", leaf);
      expect(await reaches(remote), leaf?.name ?? "no leaf").toBe(false);
    }
    await show(here, "client", genuine.source);
    expect(await reaches(remote), "its own").toBe(true);
    await qemu.remove(there, vm.name);
    await closeWay(here);
  }, 120_000);
});

describe("a whole move", () => {
  /** Bytes that are on the guest's disk and nowhere else. */
  async function onDisk(): Promise<Buffer> {
    const file = await open(files(hosts.here.directory).disk("data", "base"));
    try {
      const { buffer } = await file.read(Buffer.alloc(32), 0, 32, 24 << 20);
      expect(new Set(buffer).size).toBeGreaterThan(8);
      return buffer;
    } finally {
      await file.close();
    }
  }

  const move = async (source: Place, destination: Place, epoch: number, how: Partial<SendRequest>) => {
    await qemu.receive(destination, hosts.vm, arrival(epoch));
    return await qemu.send({
      ...{ source, destination, vm: hosts.vm, arrival: arrival(epoch), turns: [], encryption: "tls" },
      ...{
        bandwidthMbps: 800,
        downtimeBudgetMs: 1000,
        rttMs: 1,
        onProgress: () => undefined,
        onNotice: () => undefined,
        ...how,
      },
    });
  };

  test("in the clear shows disk and memory to the path; encrypted, neither", async () => {
    const { here, there, vm } = hosts;
    const known = { disk: await onDisk(), memory: KERNEL };
    const clear = await capture(here, known);
    await move(here, there, 2, { encryption: "none" });
    const plain = await clear();
    expect(plain.found.disk).toBeGreaterThan(0);
    expect(plain.found.memory).toBeGreaterThan(0);
    await qemu.remove(here, vm.name);

    const look = await capture(here, known);
    let laid: readonly string[] = ["nobody looked"];
    const onProgress = () => {
      if (laid[0] !== "nobody looked") return;
      laid = [];
      const directories = [here, there].map(({ host, directory }) => host.list(files(directory).wayCredentials));
      void Promise.all(directories).then((names) => {
        laid = names.flat();
      });
    };
    const { diskBytes, memoryBytes } = await move(there, here, 3, { onProgress });
    const seen = await look();
    expect(seen).toMatchObject({ found: { disk: 0, memory: 0 }, dropped: 0 });
    expect(seen.bytes).toBeGreaterThan(diskBytes + memoryBytes / 2);
    expect(laid, "credentials while the disk is copied").toEqual([]);
    expect(await qemu.observe(here)).toEqual({ kind: "active", epoch: 3, run: "running" });
    for (const { host, directory } of [here, there]) {
      expect((await host.list(directory)).filter((name) => /way|near|\.pem$/.test(name))).toEqual([]);
      for (const log of ["qemu.log", "nbdkit.log", "stunnel.log"]) {
        expect((await host.readFile(`${directory}/${log}`)) ?? "").not.toContain("PRIVATE KEY");
      }
    }
    for (const namespace of ["tq-way-a", "tq-way-b"]) {
      const { stdout } = await run("sh", ["-c", 'ip netns pids "$0" | xargs -r ps -o comm= -p', namespace]);
      expect(stdout).not.toMatch(/nbdkit|stunnel/);
    }
  }, 120_000);
});
