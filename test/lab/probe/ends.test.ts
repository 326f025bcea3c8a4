import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { watchBytes } from "../../../examples/lab/probe/bytes.ts";
import { watchFrames } from "../../../examples/lab/probe/frames.ts";
import { GuestControl } from "../../../examples/lab/probe/guest-control.ts";
import { startStream } from "../../../examples/lab/probe/stream.ts";
import { ip } from "../guest/plain-guest.ts";

const namespace = `tg${randomBytes(3).toString("hex")}-ends`;
/** Sends samples 0, 1, 2, 5 to the first visitor, and hangs up when its own input ends. */
const HASTY_SERVER = `
import socket, struct, sys
server = socket.create_server(("127.0.0.1", 5001))
print("listening", flush=True)
visitor, _ = server.accept()
for sequence in (0, 1, 2, 5): visitor.sendall(struct.pack("<QQ", sequence, 0))
sys.stdin.read()
`;
/** Broadcasts, which need nobody to answer. */
const SEND_MEGABYTE = `
import socket
mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for _ in range(1000): mouth.sendto(bytes(1000), ("192.0.2.255", 9))
`;
let server: ChildProcess | undefined;

beforeAll(async () => {
  await ip("netns", "add", namespace);
  await ip("-n", namespace, "link", "set", "lo", "up");
});

afterAll(async () => {
  server?.kill("SIGKILL");
  await ip("netns", "del", namespace);
});

test("a stream with a hole says so, and one that ended did not survive", async () => {
  const hasty = spawn("ip", ["netns", "exec", namespace, "python3", "-u", "-c", HASTY_SERVER]);
  server = hasty;
  await once(hasty.stdout, "data");
  const stream = await startStream(namespace, "127.0.0.1");
  try {
    await expect.poll(async () => (await stream.report()).samples).toBe(4);
    expect(await stream.report()).toMatchObject({ survived: true, ended: null, holeCount: 1 });
    expect((await stream.report()).holes).toMatchObject([{ expected: 3, found: 5 }]);

    hasty.stdin.end();
    await expect.poll(async () => (await stream.report()).survived).toBe(false);
    expect((await stream.report()).ended?.reason).toContain("closed");
  } finally {
    await stream.stop();
  }
});

test("who cannot be reached is named", async () => {
  const refusal = {
    code: "host.command-failed",
    message: expect.stringContaining("no connection to 127.0.0.1 port 5003"),
  };
  await expect(GuestControl.connect(namespace, "127.0.0.1", 0.2)).rejects.toMatchObject(refusal);
  await expect(watchFrames("no-such-namespace", "52:54:00:10:01:02")).rejects.toMatchObject({
    code: "host.command-failed",
    message: expect.stringContaining("no-such-namespace"),
  });
});

test("a probe that was stopped answers no more", async () => {
  const frames = await watchFrames(namespace, "52:54:00:10:01:02");
  expect(await frames.report()).toMatchObject({ count: 0, complete: true });
  await frames.stop();
  await frames.stop();
  await sleep(10);
  await expect(frames.report()).rejects.toMatchObject({ code: "host.command-failed" });
});

test("bytes are counted on the devices that are asked for, from what they had sent before", async () => {
  await ip("-n", namespace, "link", "add", "lp0", "type", "veth", "peer", "name", "peer0");
  for (const device of ["lp0", "peer0"]) await ip("-n", namespace, "link", "set", device, "up");
  await ip("-n", namespace, "address", "add", "192.0.2.1/24", "dev", "lp0");
  const bytes = await watchBytes(namespace, "lp");
  try {
    const sent = async () => (await bytes.report()).notes.at(-1)?.sentBytes ?? 0;
    const before = await sent();
    await ip("netns", "exec", namespace, "python3", "-c", SEND_MEGABYTE);
    await expect.poll(sent).toBeGreaterThan(before + 1e6);
    expect(await sent()).toBeLessThan(before + 1.2e6);
  } finally {
    await bytes.stop();
  }
});
