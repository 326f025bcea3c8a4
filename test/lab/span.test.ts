import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { run } from "../../examples/lab/command.ts";
import { devicesOf } from "../../examples/lab/network.ts";
import { answeredOf, connectMs, endChild, floodMbps, serveTraffic } from "./traffic.ts";

const DELAY_LINE = fileURLToPath(new URL("../../examples/lab/span.py", import.meta.url));
const EAST = "10.99.0.1";
const WEST = "10.99.0.2";

describe("the userspace delay line", () => {
  const id = Math.random().toString(36).slice(2, 8);
  const near = `spn-${id}-east`;
  const far = `spn-${id}-west`;
  let line: ChildProcess | undefined;
  let server: ChildProcess | undefined;

  async function join(options: { rttMs: number; rateMbps: number; lossPercent: number }): Promise<void> {
    line = spawn("python3", [
      ...[DELAY_LINE, `${near}:east0`, `${far}:west0`],
      ...["--rtt-ms", `${options.rttMs}`, "--rate-mbps", `${options.rateMbps}`],
      ...["--loss-percent", `${options.lossPercent}`],
    ]);
    await expect.poll(async () => (await devicesOf(far)).has("west0"), { timeout: 5000 }).toBe(true);
    await configure(near, "east0", EAST);
    await configure(far, "west0", WEST);
    await introduce({ namespace: near, device: "east0" }, { namespace: far, device: "west0", address: WEST });
    await introduce({ namespace: far, device: "west0" }, { namespace: near, device: "east0", address: EAST });
    server = await serveTraffic(far, WEST);
  }

  beforeEach(async () => {
    for (const name of [near, far]) await run(["ip", "netns", "add", name]);
  });

  afterEach(async () => {
    await endChild(server);
    await endChild(line);
    for (const name of [near, far]) await run(["ip", "netns", "delete", name]);
  });

  it("delays by the round trip and holds the rate", async () => {
    await join({ rttMs: 40, rateMbps: 200, lossPercent: 0 });
    const rtt = await connectMs(near, WEST);
    expect(rtt).toBeGreaterThanOrEqual(40);
    expect(rtt).toBeLessThan(80);
    const rate = await floodMbps(near, WEST, 4);
    expect(rate).toBeLessThan(250);
    expect(rate).toBeGreaterThan(60);
  });

  it("loses the described share in each direction", async () => {
    await join({ rttMs: 2, rateMbps: 100, lossPercent: 30 });
    // Both the datagram and its answer must survive: 49 % of 600, give or take six standard deviations.
    const answered = await answeredOf(near, WEST, 600);
    expect(answered).toBeGreaterThan(220);
    expect(answered).toBeLessThan(368);
  });

  it("carries nothing while a port is down, and goes on when it is up", async () => {
    await join({ rttMs: 2, rateMbps: 100, lossPercent: 0 });
    expect(await connectMs(near, WEST)).toBeDefined();
    await run(["ip", "-n", far, "link", "set", "west0", "down"]);
    expect(await answeredOf(near, WEST, 20)).toBe(0);
    await run(["ip", "-n", far, "link", "set", "west0", "up"]);
    expect(await connectMs(near, WEST)).toBeDefined();
  });

  it("ends when one of its devices is taken away", async () => {
    await join({ rttMs: 2, rateMbps: 100, lossPercent: 0 });
    if (line === undefined) throw new Error("no delay line");
    const ended = once(line, "exit");
    await run(["ip", "-n", near, "link", "delete", "east0"]);
    expect((await ended)[0]).toBe(1);
    expect((await devicesOf(far)).has("west0")).toBe(false);
  });
});

async function configure(namespace: string, device: string, address: string): Promise<void> {
  await run(["ip", "-n", namespace, "link", "set", device, "mtu", "9000", "up"]);
  await run(["ip", "-n", namespace, "addr", "add", `${address}/24`, "dev", device]);
}

/** Tells an end the other's link address: what waits for a lost question about it is lost in its hundreds, by no fault of the line. */
async function introduce(
  end: { readonly namespace: string; readonly device: string },
  other: { readonly namespace: string; readonly device: string; readonly address: string },
): Promise<void> {
  const told = await run(["ip", "-n", other.namespace, "-j", "link", "show", "dev", other.device]);
  const [link] = z.tuple([z.object({ address: z.string() })]).parse(JSON.parse(told));
  const neighbour = [other.address, "lladdr", link.address, "dev", end.device, "nud", "permanent"];
  await run(["ip", "-n", end.namespace, "neigh", "replace", ...neighbour]);
}
