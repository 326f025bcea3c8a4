import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel, nothing } from "../../provider/aaa/channel.ts";
import { type Booking, overlaps, peakMbps } from "../../provider/domain/drac/calendar.ts";
import { connection, type ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, wishFor } from "./agents.ts";
import { NAMES, TOPOLOGY } from "./testbed.ts";

const CROWD = 500;
const HOURS = 8;
const HOUR_MS = 3_600_000;
const HOLD_SECONDS = 30;
const PATIENCE_MS = 400_000;
const row = z.object({ in_port: z.string(), in_channel: z.number(), out_port: z.string(), out_channel: z.number() });
const taken = row.extend({ start: z.number(), end: z.number(), mbps: z.number() });

describe("five hundred who ask at once", () => {
  let domains: Domains;
  const channels: Channel[] = [];
  beforeAll(async () => {
    // One caller asks for all five hundred: on a fast machine that is faster than a caller may.
    const pace = { caller: CROWD * 100, address: CROWD * 100 };
    domains = await startDomains((config) => ({ ...config, holdSeconds: HOLD_SECONDS, pace }));
  });
  afterAll(async () => {
    await Promise.all(channels.map((channel) => channel.close()));
    await domains.end();
  });

  /** Held and committed; given back if it cannot be. */
  async function reserve(channel: Channel, body: ReserveRequest, token: string) {
    const path = ["drac", "connections"];
    const parts = ["drac", "segments"];
    const held = await channel.ask({ method: "POST", path, body, token, onwards: parts, answer: connection });
    if (held.kind !== "ok") return held;
    const own = [...path, held.value.connectionId];
    const committed = await channel.ask({
      ...{ method: "POST", path: [...own, "commit"], token, answer: connection },
      onwards: [...parts, held.value.connectionId, "commit"],
    });
    if (committed.kind !== "ok") await channel.ask({ method: "DELETE", path: own, answer: nothing });
    return committed;
  }

  const base = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + 24 * HOUR_MS;
  const at = (hour: number) => new Date(base + hour * HOUR_MS).toISOString();

  /** What each port of each domain has taken, by the domain's own store. */
  function bookings(): ReadonlyMap<string, readonly Booking[]> {
    const all = NAMES.flatMap((name) => {
      const store = new DatabaseSync(`${domains.bed.directory}/${name}.sqlite`, { readOnly: true });
      const select = "SELECT * FROM segments WHERE state IN ('held', 'reserved', 'provisioned')";
      const rows = z.array(taken).parse(store.prepare(select).all());
      store.close();
      return rows.flatMap(({ in_port, in_channel, out_port, out_channel, start, end, mbps }) =>
        [
          { port: in_port, channel: in_channel },
          { port: out_port, channel: out_channel },
        ].map(({ port, channel }) => ({ port: `${name} ${port}`, fromMs: start, untilMs: end, mbps, channel })),
      );
    });
    return Map.groupBy(all, ({ port }) => port);
  }

  it("get no channel and no rate twice, each of them all of a way or nothing, and leave nothing taken", async () => {
    const clients = await Promise.all(
      (["ams.example", "san.example"] as const).map(async (name) => {
        const channel = new Channel(domains.bed.records[name], callerOf(domains.bed.clients.alice), PATIENCE_MS);
        channels.push(channel);
        return channel;
      }),
    );
    const aaa = domains.aaa("ams.example");
    const inHour = async (index: number) => {
      const hour = index % HOURS;
      const vm = `vm-${index}`;
      // Windows that overlap with the next hour's for half of them.
      const window = { start: at(hour), end: at(hour + 1 + (index % 2)) };
      const wish = wishFor({ bandwidthMbps: 100 + 50 * (index % 7), window, vm });
      const { jwt } = await aaa.requestGrant(grantFor(wish));
      return { wish, token: (await aaa.mintToken({ ...tokenRequestFor(wish), grant: jwt })).token };
    };
    const asking: { wish: ReserveRequest; token: string }[] = [];
    for (let index = 0; index < CROWD; index++) asking.push(await inHour(index));
    const outcomes = await Promise.all(
      asking.map(async ({ wish, token }, index) => {
        const channel = clients[index % clients.length];
        if (channel === undefined) throw new Error("nobody is asked");
        return await reserve(channel, { ...wish, requestId: randomUUID() }, token);
      }),
    );
    const reserved = outcomes.flatMap((outcome) => (outcome.kind === "ok" ? outcome.value.connectionId : []));
    const refused = outcomes.flatMap((outcome) => (outcome.kind === "refused" ? outcome.refusal.error : []));
    expect(reserved.length + refused.length).toBe(CROWD);
    expect(reserved.length).toBeGreaterThan(HOURS);
    expect(refused).toContain("capacity.short");
    expect(refused).not.toContain("agent.failed");
    // What a domain holds for whom it did not answer in time runs out: then three parts for each are left, and nothing else.
    const parts = () => [...bookings().values()].flat().length;
    const patience = { timeout: 4 * HOLD_SECONDS * 1_000, interval: 1_000 };
    await expect.poll(parts, patience).toBe(reserved.length * NAMES.length * 2);
    const all = bookings();
    for (const [port, taken] of all) {
      const isLink = !port.endsWith(" host");
      if (isLink) expect(Math.max(...taken.map((one) => peakMbps(taken, one))), port).toBeLessThanOrEqual(1_000);
      for (const [index, one] of taken.entries()) {
        const others = taken.slice(index + 1).filter((other) => other.channel === one.channel && overlaps(one, other));
        expect(others, port).toEqual([]);
      }
      const [{ channels = 0 } = {}] = TOPOLOGY.links;
      if (isLink) expect(Math.max(...taken.map(({ channel }) => channel)), port).toBeLessThan(channels);
    }
    const owners = [domains.drac("ams.example"), domains.drac("san.example")];
    for (const id of reserved) await Promise.all(owners.map((drac) => drac.terminate(id)));
    expect(bookings().size).toBe(0);
  }, 600_000);
});
