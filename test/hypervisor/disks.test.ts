import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, rename, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Place } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { Breakage } from "./breakage.ts";
import { Traveller } from "./traveller.ts";

const run = promisify(execFile);
const MIB = 2 ** 20;
const SEEDED_BYTES = 64 * MIB;
/** Each piece of the second disk that the guest writes. */
const PIECE_MIB = 8;
const SPARE_MIB = 512;
/** What a file needs beside its data, and ext4's own writes. */
const BESIDE_BYTES = 2e6;

let traveller: Traveller;

beforeAll(async () => {
  traveller = await Traveller.begin("disks", [{ name: "spare", sizeMiB: SPARE_MIB }]);
}, 180_000);
afterAll(async () => traveller?.end());

/** What the layers of the second disk take at a place. */
async function takenBySpare({ host, directory }: Place): Promise<number> {
  const names = (await host.list(directory)).filter((name) => /^spare.*\.qcow2$/.test(name));
  const files = await Promise.all(names.map((name) => stat(`${directory}/${name}`)));
  return files.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

/** What the guest writes to of the second disk at a place. */
async function topOfSpare({ host, directory }: Place): Promise<string> {
  const live = "spare.live.qcow2";
  return `${directory}/${(await host.list(directory)).includes(live) ? live : "spare.qcow2"}`;
}

/** The VM's old home is taken away altogether: its QEMU, its files, and every way to it. */
async function withoutOldHome(look: () => Promise<void>): Promise<void> {
  const { directory } = traveller.destination;
  process.kill(await traveller.pid(traveller.destination), "SIGKILL");
  await rename(directory, `${directory}.away`);
  await traveller.setWays("down");
  await look();
  await traveller.setWays("up");
  await rename(`${directory}.away`, directory);
}

test("of two disks each arrives whole; what is empty or was discarded takes no room, and crosses nothing", async () => {
  await traveller.guest(async (control) => {
    await control.writeBlocks(1, PIECE_MIB, 0);
    await control.writeBlocks(2, PIECE_MIB, 32);
    await control.discardBlocks(PIECE_MIB, 32);
  });
  const { source, destination } = traveller;
  const takenBytes = PIECE_MIB * MIB + BESIDE_BYTES;
  expect(await takenBySpare(source)).toBeLessThan(takenBytes);
  const laidBefore = await traveller.laidOnPathBytes(source);
  let laidBytes = 0;
  const trip = await traveller.trip({
    // The disks are alike by now and are kept so: what the guest does here it does to both.
    memoryTurn: async () => {
      laidBytes = (await traveller.laidOnPathBytes(source)) - laidBefore;
      await traveller.guest(async (control) => {
        await control.writeBlocks(3, 1, 128);
        await control.discardBlocks(PIECE_MIB, 256);
      });
    },
    arrived: () =>
      withoutOldHome(() =>
        traveller.guest(async (control) => {
          expect((await control.verify()).files).toBe(4);
          await control.checkBlocks(1, PIECE_MIB, 0);
          await control.checkBlocks(3, 1, 128);
          await control.checkEmpty(128 - PIECE_MIB, PIECE_MIB);
          await control.checkEmpty(SPARE_MIB - 129, 129);
        }),
      ),
  });
  for (const place of [source, destination]) {
    expect(await takenBySpare(place), place.site).toBeLessThan(takenBytes + MIB);
  }
  const piecesBytes = (PIECE_MIB + 1) * MIB;
  expect(trip.diskBytes).toBeGreaterThan(SEEDED_BYTES + piecesBytes);
  expect(trip.diskBytes).toBeLessThan(SEEDED_BYTES + piecesBytes + 4 * BESIDE_BYTES);
  // Told is what was seen on the path: frames and TLS take their share of that, and one MiB came later.
  expect(laidBytes).toBeGreaterThan(trip.diskBytes - MIB - BESIDE_BYTES);
  expect(laidBytes).toBeLessThan(1.1 * trip.diskBytes);
  expect(trip.writeP99Ms).toBeGreaterThan(0);
  expect(trip.writeP99Ms).toBeLessThan(60_000);
}, 180_000);

test("a return brings what changed on each disk, and what was discarded meanwhile takes no room there either", async () => {
  await traveller.guest(async (control) => {
    await control.discardBlocks(PIECE_MIB, 0);
    await control.writeBlocks(5, 2, 200);
    await control.write(6, 1);
  });
  const { source, destination } = traveller;
  const laidBefore = await traveller.laidOnPathBytes(source);
  let laidBytes = 0;
  const { onto, diskBytes } = await traveller.trip({
    memoryTurn: async () => {
      laidBytes = (await traveller.laidOnPathBytes(source)) - laidBefore;
    },
  });
  expect(onto).toBe("replica");
  expect(diskBytes).toBeGreaterThan(3 * MIB);
  expect(diskBytes).toBeLessThanOrEqual(1.2 * 3 * MIB + 2e6);
  expect(laidBytes).toBeLessThanOrEqual(1.2 * 3 * MIB + 2 * BESIDE_BYTES);
  await traveller.guest(async (control) => {
    await control.check(6, 1);
    await control.checkBlocks(3, 1, 128);
    await control.checkBlocks(5, 2, 200);
    await control.checkEmpty(128, 0);
  });
  for (const place of [source, destination]) {
    expect(await takenBySpare(place), place.site).toBeLessThan(3 * MIB + BESIDE_BYTES);
  }
  expect(traveller.warnings).toEqual([]);
}, 180_000);

test("a move that waits its turn fails at once when a pilot falls", async () => {
  const { source, destination, vm, hosts } = traveller;
  const broken = new Breakage("disks", hosts);
  let fellAt = Number.NaN;
  const waiting = traveller.trip({
    memoryTurn: async (signal) => {
      broken.kill(await broken.holder("there", "pilot"));
      fellAt = performance.now();
      await once(signal, "abort");
      signal.throwIfAborted();
    },
  });
  await expect(waiting).rejects.toMatchObject({
    ...{ code: "hypervisor.failed", retry: "safe" },
    message: expect.stringMatching(/the pilot at the destination ended/),
  });
  expect(performance.now() - fellAt).toBeLessThan(15_000);
  expect(await qemu.settle(source, destination, vm, false)).toBe("source");
  await qemu.remove(destination, vm.name, "replica");
  expect(await qemu.observe(destination)).toMatchObject({ kind: "replica" });
}, 120_000);

/** Name, size, time and content of every disk's file at a place. */
async function disksAt({ host, directory }: Place): Promise<readonly (readonly unknown[])[]> {
  const names = (await host.list(directory)).filter((name) => name.endsWith(".qcow2")).sort();
  const look = async (name: string) => {
    const path = `${directory}/${name}`;
    const { size, mtimeMs } = await stat(path);
    return [
      name,
      size,
      mtimeMs,
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    ] as const;
  };
  return await Promise.all(names.map(look));
}

/** Says its port, then that it was told to turn, and answers that it turned when it is let. */
const GATEWAY = `
import hashlib, hmac, json, socket, sys
orders = json.loads(sys.stdin.readline())
gateway = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
gateway.bind(("127.0.0.1", 0))
print(json.dumps(gateway.getsockname()[1]), flush=True)
_, sender = gateway.recvfrom(512)
print(json.dumps("told"), flush=True)
sys.stdin.readline()
text = "turned %d" % orders["epoch"]
gateway.sendto(("%s %s" % (text, hmac.new(bytes.fromhex(orders["keyHex"]), text.encode(), hashlib.sha256).hexdigest())).encode(), sender)
`;

/** A gateway that is told of its turn, and answers when it is let. */
async function gatewayOf({ destination, epoch }: Traveller) {
  const secret = { keyHex: "5a".repeat(32), epoch: epoch + 1 };
  const gateway = await destination.host.pilot(GATEWAY, secret);
  const words = gateway.messages[Symbol.asyncIterator]();
  const port = z.int().parse((await words.next()).value);
  return {
    turns: [{ address: "127.0.0.1", port, ...secret }],
    told: () => words.next(),
    answer: () => gateway.send({}),
  };
}

test("what a VM left is neither released nor overwritten until its disks are flushed where it arrived", async () => {
  const { source, destination, hosts } = traveller;
  const broken = new Breakage("disks", hosts);
  const { turns, told, answer } = await gatewayOf(traveller);
  let pilot = 0;
  let acknowledged = false;
  const moving = traveller.trip({
    turns,
    memoryTurn: async () => {
      pilot = await broken.holder("there", "pilot");
    },
    arrived: async () => {
      acknowledged = true;
    },
  });
  // It is told when the VM is let run, and the pilot waits a while for its answer.
  await Promise.race([told(), moving]);
  await broken.stop(pilot);
  try {
    const left = await disksAt(source);
    expect(left.map(([name]) => name)).toEqual(["data.live.qcow2", "data.qcow2", "spare.live.qcow2", "spare.qcow2"]);
    await traveller.guest((control) => control.writeBlocks(9, 2, 300), destination);
    await sleep(1_500);
    expect(acknowledged).toBe(false);
    expect(process.kill(await traveller.pid(source), 0)).toBe(true);
    expect(await disksAt(source)).toEqual(left);
  } finally {
    broken.continue(pilot);
    answer();
  }
  const events = (await moving).events.map(({ at, event }) => `${at} ${event}`);
  expect(events).toContain("destination flushed");
  expect(events.indexOf("destination flushed")).toBeLessThan(events.indexOf("destination RESUME"));
  expect(await qemu.observe(source)).toMatchObject({ kind: "replica" });
  await traveller.guest((control) => control.checkBlocks(9, 2, 300));
}, 180_000);

test("a QEMU that dies as soon as the VM runs in it has lost nothing of what its guest wrote before", async () => {
  const { source, destination } = traveller;
  const { turns, told } = await gatewayOf(traveller);
  const moving = traveller.trip({
    turns,
    // The disks are alike by then: what is written here is in the memory of the destination's QEMU at first.
    memoryTurn: async () => traveller.guest((control) => control.writeBlocks(11, 4, 340), source),
  });
  await Promise.race([told(), moving]);
  process.kill(await traveller.pid(destination), "SIGKILL");
  await expect(moving).rejects.toMatchObject({ code: "hypervisor.failed", retry: "unsafe" });
  const [left, arrived] = [await topOfSpare(source), await topOfSpare(destination)];
  expect((await run("qemu-img", ["compare", "-U", left, arrived])).stdout).toMatch(/Images are identical/);
}, 120_000);
