import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Paced, Switchyard } from "./switchyard.ts";

/** What faces a site is down; a link's ends are up, so that each domain sees whether it has carrier. */
const dark = [
  ...["a-uni0", "s-uni0"].map((name) => ({ name, master: undefined, up: false })),
  ...["a-east0", "t-west0", "t-east0", "s-west0"].map((name) => ({ name, master: undefined, up: true })),
];

describe("the data plane of three linux switches", () => {
  const yard = new Switchyard();
  beforeAll(async () => await yard.start(), 30_000);
  afterAll(async () => await yard.end());

  const reserve = async (mbps: number, seconds = 600, delaySeconds = 0): Promise<string> =>
    String(await yard.ask("reserve", String(mbps), String(delaySeconds), String(seconds)));
  const switches = async () => (await yard.switches()).sort(byName);

  it("lets no frame pass without a provisioned reservation, frames with it, and none after", async () => {
    expect(await yard.answers()).toBe(false);
    const id = await reserve(100);
    expect(await yard.answers()).toBe(false);
    expect(await yard.framesAt("san")).toBe(0);
    expect(await switches()).toEqual([...dark].sort(byName));

    await yard.ask("provision", id);
    expect(await yard.answers()).toBe(true);

    await yard.ask("release", id);
    const before = [await yard.framesAt("ams"), await yard.framesAt("san")];
    expect(await yard.answers()).toBe(false);
    expect([await yard.framesAt("ams"), await yard.framesAt("san")]).toEqual(before);
    expect(await switches()).toEqual([...dark].sort(byName));

    await yard.ask("provision", id);
    expect(await yard.answers()).toBe(true);
    await yard.ask("terminate", id);
    expect(await yard.answers()).toBe(false);
    expect(await switches()).toEqual([...dark].sort(byName));
  });

  it("carries the rate that was reserved, and not more", async () => {
    const id = await reserve(50);
    await yard.ask("provision", id);
    const mbps = await yard.throughput(5);
    await yard.ask("terminate", id);
    // Without a limit it is thousands. What waits in the reader's buffer when it comes late counts in a shorter time.
    expect(mbps).toBeGreaterThan(20);
    expect(mbps).toBeLessThan(75);
  }, 60_000);

  it("carries more, and less again, from one moment to the next, and loses nothing by it", async () => {
    const id = await reserve(50);
    await yard.ask("provision", id);
    const lit = await switches();
    const pings = yard.pings(0.02, 6);
    await yard.ask("modify", id, "200");
    const raised = await yard.throughput(3);
    await yard.ask("modify", id, "40");
    const lowered = await yard.throughput(3);
    expect(await pings).toEqual({ lost: 0, reordered: 0 });
    expect(await switches()).toEqual(lit);
    await yard.ask("terminate", id);
    // More than the old rate, less than the new one.
    expect(raised).toBeGreaterThan(75);
    expect(raised).toBeLessThan(260);
    expect(lowered).toBeLessThan(60);
  }, 90_000);

  it("is lowered and raised with no gap in what goes over it, and carries what it is said to", async () => {
    const id = await reserve(200);
    await yard.ask("provision", id);
    const change = async (...rates: readonly number[]) => {
      for (const mbps of rates) await yard.ask("modify", id, String(mbps));
    };
    const seconds = 4;
    const runs: { quiet: Paced; changed: Paced }[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const quiet = await yard.paced(seconds);
      const [changed] = await Promise.all([yard.paced(seconds), change(50, 200, 50, 200)]);
      runs.push({ quiet, changed });
    }
    const lowered = await change(50).then(() => yard.throughput(3));
    const raised = await change(200).then(() => yard.throughput(3));
    await yard.ask("terminate", id);
    for (const one of runs.flatMap(({ quiet, changed }) => [quiet, changed])) {
      expect(one.missing).toBe(0);
      expect(one.received).toBeGreaterThan((seconds / 0.002) * 0.5);
    }
    // The machine has pauses of its own: what comes of a change is in every run with changes, and in none without.
    const least = (kind: "quiet" | "changed") => Math.min(...runs.map((run) => run[kind].longestPauseMs));
    expect(least("changed")).toBeLessThan(least("quiet") + 25);
    expect(raised / lowered).toBeGreaterThan(2.5);
    expect(raised / lowered).toBeLessThan(5.5);
  }, 120_000);

  it("goes dark by itself when the window ends", async () => {
    const id = await reserve(100, 12);
    await yard.ask("provision", id);
    expect(await yard.answers()).toBe(true);
    await expect.poll(() => yard.answers(), { timeout: 40_000 }).toBe(false);
    await expect.poll(switches, { timeout: 10_000 }).toEqual([...dark].sort(byName));
  }, 90_000);

  it("is lit by the clock where it was provisioned ahead, and not before, also after a restart", async () => {
    const before = await reserve(100, 25);
    const startsMs = Date.now() + 35_000;
    const ahead = await reserve(100, 600, 35);
    expect(await yard.ask("provision", ahead)).toBe("provisioned");
    expect(await switches()).toEqual([...dark].sort(byName));
    await yard.ask("provision", before);
    expect(await yard.answers()).toBe(true);
    await yard.restartAgent("transit.example", async () => undefined);
    expect(await yard.answers()).toBe(true);
    await expect.poll(switches, { timeout: 40_000, interval: 100 }).toEqual([...dark].sort(byName));
    await expect.poll(() => yard.answers(), { timeout: 60_000, interval: 100 }).toBe(true);
    expect(Date.now()).toBeGreaterThanOrEqual(startsMs - 1_000);
    await yard.ask("terminate", ahead);
    expect(await switches()).toEqual([...dark].sort(byName));
  }, 120_000);

  it("does what is on record after an agent's restart", async () => {
    const id = await reserve(100);
    await yard.ask("provision", id);
    const lit = await switches();
    await yard.restartAgent("transit.example", async () => {
      expect(await yard.answers()).toBe(true);
      await yard.unplug("t-west0");
      expect(await yard.answers()).toBe(false);
    });
    expect(await yard.answers()).toBe(true);
    expect(await switches()).toEqual(lit);
    await yard.ask("terminate", id);
    expect(await yard.answers()).toBe(false);
  });
});

function byName(one: { name: string }, other: { name: string }): number {
  return one.name.localeCompare(other.name);
}
