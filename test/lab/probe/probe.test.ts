import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FrameReport, watchFrames } from "../../../examples/lab/probe/frames.ts";
import { type PingReport, startPing } from "../../../examples/lab/probe/ping.ts";
import { monotonicMs, type Probe } from "../../../examples/lab/probe/report.ts";
import { type StreamReport, startStream } from "../../../examples/lab/probe/stream.ts";
import { GUEST_ADDRESS, GUEST_MAC, ip, PlainGuest } from "../guest/plain-guest.ts";

const guest = new PlainGuest();
let frames: Probe<FrameReport>;
let ping: Probe<PingReport>;
let stream: Probe<StreamReport>;

beforeAll(async () => {
  await guest.makeNamespaces();
  // Before there is a device: it must find them as they come.
  frames = await watchFrames(guest.site, GUEST_MAC);
  await guest.makeLinks();
  await guest.boot();
  stream = await startStream(guest.client, GUEST_ADDRESS);
  ping = await startPing(guest.client, GUEST_ADDRESS);
}, 60_000);

afterAll(async () => {
  for (const probe of [frames, ping, stream]) await probe?.stop();
  await guest.remove();
});

test("all three see a guest that runs", async () => {
  const fromAtMs = monotonicMs();
  await sleep(1500);
  const toAtMs = monotonicMs();
  await sleep(1100);

  const seen = await stream.report(fromAtMs, toAtMs);
  expect(seen.survived).toBe(true);
  expect(seen.firstSequence).toBe(0);
  expect(seen.holeCount).toBe(0);
  expect(seen.samples).toBeGreaterThan(150);
  const pings = await ping.report(fromAtMs, toAtMs);
  expect(pings.sent).toBeGreaterThan(5);
  expect(pings.sent).toBeLessThanOrEqual((toAtMs - fromAtMs) / 50 + 1);
  expect(pings.lost).toBeLessThan(pings.sent / 4);
  expect(pings.answered).toBe(pings.sent - pings.lost);
  const left = await frames.report(fromAtMs, toAtMs);
  expect(left.complete).toBe(true);
  expect(left.count).toBeGreaterThan(100);
  expect(Object.keys(left.devices)).toContain(guest.uplink);
  // Frames to the guest do not count, nor those that only come in.
  expect(Object.keys(left.devices)).not.toContain("tap0");
});

test("a stop shows as one gap of its length, in a session that goes on without a hole", async () => {
  const fromAtMs = monotonicMs();
  await guest.monitor.execute("stop");
  const stoppedAtMs = monotonicMs();
  await sleep(1200);
  const contAtMs = monotonicMs();
  await guest.monitor.execute("cont");
  await sleep(1500);

  const seen = await stream.report(fromAtMs);
  expect(seen.survived).toBe(true);
  expect(seen.holeCount).toBe(0);
  const [longest] = seen.gaps;
  // The last sample may have been on its way when the guest stood still already.
  expect(longest?.lengthMs).toBeGreaterThan(contAtMs - stoppedAtMs - 300);
  expect(longest?.startAtMs).toBeLessThan(stoppedAtMs + 300);
  const pings = await ping.report(fromAtMs);
  expect(pings.gaps[0]?.lengthMs).toBeGreaterThan(contAtMs - stoppedAtMs - 300);
  // The last frame may still be on its way when the monitor answers.
  const silent = await frames.report(stoppedAtMs + 300, contAtMs);
  expect(silent).toMatchObject({ count: 0, complete: true, frames: [] });
  expect((await frames.report(contAtMs)).count).toBeGreaterThan(0);
});

test("pings that find no way are lost, and the stream recovers by itself", async () => {
  // Off the bridge, not down: a client that knows its link is down would keep its packets for later.
  await ip("-n", guest.site, "link", "set", guest.uplink, "nomaster");
  const fromAtMs = monotonicMs();
  await sleep(600);
  const toAtMs = monotonicMs();
  await ip("-n", guest.site, "link", "set", guest.uplink, "master", "br0");
  await sleep(2500);

  const pings = await ping.report(fromAtMs, toAtMs);
  expect(pings.sent).toBeGreaterThan(5);
  expect(pings.lost).toBe(pings.sent);
  expect((await frames.report(fromAtMs, toAtMs)).count).toBe(0);
  const seen = await stream.report(fromAtMs);
  expect(seen.survived).toBe(true);
  expect(seen.holeCount).toBe(0);
  expect(seen.gaps[0]?.lengthMs).toBeGreaterThanOrEqual(toAtMs - fromAtMs);
});

test("a gap that still lasts is reported up to now", async () => {
  await guest.monitor.execute("stop");
  const stoppedAtMs = monotonicMs();
  await sleep(400);
  const seen = await stream.report(stoppedAtMs);
  await guest.monitor.execute("cont");
  expect(seen.gaps[0]?.lengthMs).toBeGreaterThanOrEqual(400);
});
