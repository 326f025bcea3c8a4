import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { buildGuest, GUEST_COMMAND_LINE } from "../../examples/lab/guest/build.ts";
import { openLocal } from "../../provider/host/local.ts";
import type { Place } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type VmSpec, vmSpec } from "../../provider/hypervisor/vm-spec.ts";

const run = promisify(execFile);
const ip = (...argv: string[]) => run("ip", argv);

/** Two hosts in namespaces of their own, joined by one cable, and the lab's guest to run on them. */
export interface TwoHosts {
  readonly here: Place;
  readonly there: Place;
  readonly vm: VmSpec;
  /** The machine type that a VM started here gets. */
  readonly machine: string;
  close(): Promise<void>;
}

export async function twoHosts(tag: string): Promise<TwoHosts> {
  const directory = await mkdtemp(path.join(tmpdir(), "tt-q-"));
  const guest = await buildGuest(path.join(tmpdir(), "turntable-test-guest"));
  const [a, b] = [`tq-${tag}-a`, `tq-${tag}-b`];
  const raze = async () => {
    for (const name of [a, b]) {
      const pids = await ip("netns", "pids", name).catch(() => ({ stdout: "" }));
      for (const pid of pids.stdout.split("\n").filter((line) => line !== "")) await run("kill", ["-KILL", pid]);
      await ip("netns", "del", name).catch(() => undefined);
    }
  };
  const clean = async () => {
    await raze();
    await rm(directory, { recursive: true, force: true });
  };
  // A run that was broken off leaves its hosts behind.
  await raze();
  const place = (site: string, namespace: string, lightpathAddress: string): Place => ({
    ...{ site, lightpathAddress, accelerator: "tcg", directory: `${directory}/${site}/guest` },
    host: openLocal(site, { namespace }),
  });
  await ip("netns", "add", a);
  await ip("netns", "add", b);
  await ip("link", "add", "lp0", "netns", a, "mtu", "9000", "type", "veth", "peer", "name", "lp0", "netns", b);
  for (const [name, address] of [
    [a, "192.0.2.130/24"],
    [b, "192.0.2.131/24"],
  ] as const) {
    await ip("-n", name, "address", "add", address, "dev", "lp0");
    await ip("-n", name, "link", "set", "lp0", "up");
    await ip("-n", name, "link", "set", "lo", "up");
  }
  const here = place("here", a, "192.0.2.130");
  const there = place("there", b, "192.0.2.131");
  const vm = vmSpec.parse({
    name: "guest",
    image: { kernel: guest.kernel, initrd: guest.initrd, commandLine: `${GUEST_COMMAND_LINE} MB=40` },
    disks: [{ name: "data", sizeMiB: 1024, image: guest.disk }],
    memoryMiB: 128,
    network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:10:01:02" },
  });
  return {
    ...{ here, there, vm },
    machine: (await qemu.survey(here.host, directory, "tcg")).machine,
    close: async () => {
      for (const one of [here, there]) {
        await qemu.remove(one, vm.name).catch(() => undefined);
        await one.host.close();
      }
      await clean();
    },
  };
}
