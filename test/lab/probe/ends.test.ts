import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
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
