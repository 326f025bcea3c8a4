import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { openLocal } from "../../provider/host/local.ts";
import type { Place } from "../../provider/hypervisor/hypervisor.ts";
import { files } from "../../provider/hypervisor/qemu/files.ts";
import { openMonitor, requireMonitor } from "../../provider/hypervisor/qemu/monitor.ts";
import { vmSpec } from "../../provider/hypervisor/vm-spec.ts";
import { until } from "./breakage.ts";

const run = promisify(execFile);
const DISKS = ["good", "bad"] as const;
const VM = vmSpec.parse({
  ...{ name: "guest", memoryMiB: 64, image: { kernel: "/none", initrd: "/none" } },
  disks: DISKS.map((name) => ({ name, sizeMiB: 10 })),
  network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:10:01:02" },
});

let place: Place;
let machine: ReturnType<typeof spawn>;

/** A QEMU with two disks and no processor: nothing that was written to the second one can be made durable. */
beforeAll(async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "tt-f-"));
  const host = openLocal("flush");
  place = {
    ...{ site: "here", host, directory, accelerator: "tcg" },
    ...{ lightpathAddress: "192.0.2.130", routedAddress: "203.0.113.130" },
  };
  const fault = path.join(directory, "fault.conf");
  await writeFile(fault, '[inject-error]\nevent = "flush_to_disk"\nerrno = "5"\n');
  const at = files(directory);
  const blockdevs = await Promise.all(
    DISKS.map(async (name) => {
      const filename = at.disk(name, "base");
      await run("qemu-img", ["create", "-q", "-f", "qcow2", filename, "10M"]);
      const plain = { driver: "file", filename };
      const file = name === "bad" ? { driver: "blkdebug", config: fault, image: plain } : plain;
      return ["-blockdev", JSON.stringify({ driver: "qcow2", "node-name": `disk-${name}`, file })];
    }),
  );
  const monitors = [at.observerMonitor, at.pilotMonitor].flatMap((at) => ["-qmp", `unix:${at},server=on,wait=off`]);
  const options = ["-machine", "none", "-nodefaults", "-display", "none", ...monitors, ...blockdevs.flat()];
  machine = spawn("qemu-system-x86_64", options, { stdio: "ignore" });
  await until("QEMU answers", async () => {
    const opened = await openMonitor(place, VM.name);
    opened?.close();
    return opened !== undefined;
  });
}, 30_000);

afterAll(async () => {
  machine.kill("SIGKILL");
  await once(machine, "exit");
  await rm(place.directory, { recursive: true });
});

/** The controller's monitor serves one at a time. */
async function write(disk: string): Promise<void> {
  const qmp = await requireMonitor(place, VM.name);
  await qmp.execute("human-monitor-command", { "command-line": `qemu-io disk-${disk} "write 0 64k"` });
  qmp.close();
}

/** What a pilot does, of these nodes. */
async function flushedByPilot(nodes: readonly string[]): Promise<{ words: string[]; stderr: string }> {
  const sources = ["monitor", "orders", "durable"].map((name) =>
    readFileSync(new URL(`../../provider/hypervisor/qemu/pilot/${name}.py`, import.meta.url), "utf8"),
  );
  const main = `
orders = Orders().await_first()
flush(Monitor(orders["monitor"]), orders["socket"], orders["nodes"], 10)
say("flushed")
`;
  const { pilotMonitor: monitor, flushSocket: socket } = files(place.directory);
  const pilot = await place.host.pilot([...sources, main].join("\n"), { monitor, socket, nodes });
  const words: string[] = [];
  for await (const message of pilot.messages) words.push(z.looseObject({ kind: z.string() }).parse(message).kind);
  return { words, stderr: (await pilot.ended).stderr };
}

test("a pilot says that disks are flushed only if they are", async () => {
  for (const disk of DISKS) await write(disk);
  expect((await flushedByPilot(["disk-good"])).words).toContain("flushed");
  const { words, stderr } = await flushedByPilot(["disk-good", "disk-bad"]);
  expect(words).not.toContain("flushed");
  expect(stderr).toMatch(/QemuFailed: disk-bad could not be flushed/);
});
