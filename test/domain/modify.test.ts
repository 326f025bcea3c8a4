import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel, nothing } from "../../provider/aaa/channel.ts";
import { segmentHeld } from "../../provider/domain/wire.ts";
import { type Connection, connection, type ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, startDomains, windowIn, wishFor } from "./agents.ts";
import { NAMES, type Name, SAN } from "./testbed.ts";

const HOLD_SECONDS = 3;

describe("another rate or end for a connection", () => {
  let domains: Domains;
  const channels: Channel[] = [];
  beforeAll(async () => {
    domains = await startDomains((config) => ({ ...config, holdSeconds: HOLD_SECONDS }));
  });
  afterEach(async () => {
    await Promise.all(channels.splice(0).map((channel) => channel.close()));
    for (const { connectionId } of await drac().list()) {
      for (const vm of ["second", "radar"]) await drac().leave(connectionId, vm);
    }
  });
  afterAll(async () => await domains.end());

  const drac = () => domains.drac("ams.example");
  const tokenFor = async (changes: Partial<ReserveRequest>) => await domains.tokenFor(wishFor(changes));
  const later = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

  async function lit(changes: Partial<ReserveRequest> = {}): Promise<Connection> {
    const wish = wishFor({ bandwidthMbps: 400, ...changes });
    const token = await domains.tokenFor(wish);
    const { connectionId } = await drac().reserve(wish, token);
    return await drac().provision(connectionId, token);
  }
  function as(name: Name, at: Name): Channel {
    const channel = new Channel(domains.bed.records[at], callerOf(domains.bed.signing[name]), 5_000);
    channels.push(channel);
    return channel;
  }
  /** What each domain has on record: the rate in force, when it ends, and what is between two versions. */
  function onRecord({ connectionId }: Connection) {
    return NAMES.map((name) => {
      const store = new DatabaseSync(`${domains.bed.directory}/${name}.sqlite`, { readOnly: true });
      const select =
        'SELECT state, mbps, "end", version_phase FROM segments LEFT JOIN segment_versions USING (coordinator, id)';
      const found = store.prepare(`${select} WHERE id = ?`).get(connectionId);
      store.close();
      return `${found?.state} ${found?.mbps} ${new Date(Number(found?.end)).toISOString()} ${found?.version_phase ?? "settled"}`;
    });
  }
  const everywhere = (rate: number, end: string, state = "provisioned") =>
    NAMES.map(() => `${state} ${rate} ${end} settled`);

  it("is had by raising, lowering and extending, everywhere, and it stays lit", async () => {
    const one = await lit();
    const { connectionId } = one;
    const token = await tokenFor({ bandwidthMbps: 900 });
    const raised = await drac().modify(connectionId, { vm: "radar", bandwidthMbps: 900 }, token);
    expect(raised).toEqual({ ...one, bandwidthMbps: 900 });
    expect(onRecord(one)).toEqual(everywhere(900, one.window.end));
    await expect(lit({ bandwidthMbps: 200 })).rejects.toThrow(/200 Mbps and a channel free/);
    await drac().modify(connectionId, { vm: "radar", bandwidthMbps: 700 }, token);
    const end = later(1_200);
    const longer = await tokenFor({ bandwidthMbps: 700, window: { start: later(0), end: later(1_300) } });
    const extended = await drac().modify(connectionId, { vm: "radar", end }, longer);
    expect(extended).toMatchObject({ state: "provisioned", bandwidthMbps: 700, window: { ...one.window, end } });
    expect(onRecord(one)).toEqual(everywhere(700, end));
    expect(await drac().query(connectionId)).toEqual(extended);
    const beside = await lit({ bandwidthMbps: 300, window: windowIn(0, 900) });
    await expect(lit({ bandwidthMbps: 1, window: windowIn(0, 900) })).rejects.toThrow(/1 Mbps and a channel free/);
    expect((await drac().query(beside.connectionId))?.state).toBe("provisioned");
  });

  it("is refused by the domain that lacks it, with what it has left, and nothing changes anywhere", async () => {
    const one = await lit();
    // Only the span to san is short: ams and transit have held theirs by then.
    const other = wishFor({ bandwidthMbps: 400, vm: "second" });
    const segment = { domain: "san.example", in: { port: "west", channel: 3 }, out: { port: "host", channel: 3 } };
    const path = ["drac", "segments"];
    const body = { connectionId: randomUUID(), reservation: other, segment };
    const passedOn = await domains.rightOf(await domains.tokenFor(other));
    const peer = as("ams.example", "san.example");
    const held = await peer.ask({ method: "POST", path, body, passedOn, answer: segmentHeld });
    expect(held).toMatchObject({ kind: "ok" });
    const raising = drac().modify(
      one.connectionId,
      { vm: "radar", bandwidthMbps: 900 },
      await tokenFor({ bandwidthMbps: 900 }),
    );
    await expect(raising).rejects.toMatchObject({
      ...{ code: "domain.refused", retry: "safe" },
      message: expect.stringMatching(
        /^san.example refused to give .* 900 Mbps: port west has 200 Mbps left at that time, not another 500/,
      ),
    });
    expect(onRecord(one)).toEqual(everywhere(400, one.window.end));
    expect(await drac().query(one.connectionId)).toEqual(one);
    const all = await drac().modify(one.connectionId, { vm: "radar", bandwidthMbps: 600 }, await tokenFor({}));
    expect(all.bandwidthMbps).toBe(600);
    await peer.ask({ method: "DELETE", path: [...path, body.connectionId], answer: nothing });
  });

  it("is not had with a token that does not cover it, nor by who has no say in it, asked of any domain", async () => {
    const one = await lit();
    const { connectionId } = one;
    const ask = { vm: "radar", bandwidthMbps: 900 };
    const attacks: [Partial<ReserveRequest>, RegExp][] = [
      [{ bandwidthMbps: 899 }, /it is for 899 Mbps, not for 900/],
      [{ bandwidthMbps: 900, window: windowIn(0, 300) }, /it ends at/],
      [{ bandwidthMbps: 900, vm: "second" }, /it is for the VM second, not for radar/],
    ];
    const request = randomUUID();
    for (const [changes, reason] of attacks) {
      const token = await tokenFor(changes);
      await expect(drac().modify(connectionId, ask, token)).rejects.toThrow(reason);
      // A coordinator that is not what it should be is no way around it: each domain looks for itself.
      for (const at of ["transit.example", "san.example"] as const) {
        const path = ["drac", "segments", connectionId, "modifications"];
        const body = { request, ...ask, endMs: Date.parse(one.window.end) };
        const passedOn = await domains.rightOf(token);
        const answer = await as("ams.example", at).ask({ method: "POST", path, body, passedOn, answer: nothing });
        expect(answer).toMatchObject({ status: 403, refusal: { domain: at, reason: expect.stringMatching(reason) } });
      }
    }
    const foreign = { vm: "second", bandwidthMbps: 900 };
    const second = await tokenFor({ bandwidthMbps: 900, vm: "second" });
    await expect(drac().modify(connectionId, foreign, second)).rejects.toThrow(/second does not use/);
    const past = { vm: "radar", end: later(-1) };
    await expect(drac().modify(connectionId, past, await tokenFor({}))).rejects.toThrow(/in the past/);
    const good = await tokenFor({ bandwidthMbps: 900 });
    const bob = domains.drac("ams.example", domains.bed.clients.bob);
    await expect(bob.modify(connectionId, ask, good)).rejects.toThrow(/given to alice, not to bob/);
    const path = ["drac", "segments", connectionId, "modifications"];
    const body = { request, ...ask, endMs: Date.parse(one.window.end) };
    const stranger = as("transit.example", "san.example");
    const passedOn = await domains.rightOf(good);
    expect(await stranger.ask({ method: "POST", path, body, passedOn, answer: nothing })).toMatchObject({
      status: 404,
    });
    expect(onRecord(one)).toEqual(everywhere(400, one.window.end));
  });

  it("is lent by one grant no more than the grant says", async () => {
    const { window } = wishFor();
    const one = await lit({ window });
    const token = await domains.tokensFor(wishFor({ bandwidthMbps: 700, window }));
    await drac().modify(one.connectionId, { vm: "radar", bandwidthMbps: 700 }, await token());
    const wish = wishFor({ bandwidthMbps: 100, window });
    await expect(drac().reserve(wish, await token())).rejects.toThrow(/700 Mbps are reserved at that time/);
  });

  it("is for all who use it: one of them may have it raised, none may have it lessened under the others", async () => {
    const one = await lit();
    const { connectionId } = one;
    await drac().join(connectionId, "second", await tokenFor({ vm: "second", bandwidthMbps: 400 }));
    const mine = await tokenFor({ vm: "second", bandwidthMbps: 800 });
    const raised = await drac().modify(connectionId, { vm: "second", bandwidthMbps: 800 }, mine);
    expect(raised).toMatchObject({ vm: "radar", bandwidthMbps: 800, state: "provisioned" });
    const theirs = await tokenFor({ bandwidthMbps: 800 });
    const inUse = /is used by (second|radar) too/;
    for (const change of [{ bandwidthMbps: 400 }, { end: later(60) }]) {
      await expect(drac().modify(connectionId, { vm: "second", ...change }, mine)).rejects.toThrow(inUse);
      await expect(drac().modify(connectionId, { vm: "radar", ...change }, theirs)).rejects.toThrow(inUse);
    }
    const path = ["drac", "segments", connectionId, "modifications"];
    const body = { request: randomUUID(), vm: "radar", bandwidthMbps: 400, endMs: Date.parse(one.window.end) };
    const answer = await as("ams.example", "san.example").ask({
      method: "POST",
      path,
      body,
      passedOn: await domains.rightOf(theirs),
      answer: nothing,
    });
    expect(answer).toMatchObject({ status: 409, refusal: { reason: expect.stringMatching(/used by second too/) } });
    await drac().leave(connectionId, "second");
    await drac().modify(connectionId, { vm: "radar", bandwidthMbps: 400 }, theirs);
    expect(onRecord(one)).toEqual(everywhere(400, one.window.end));
  });

  it("is had once by one request, however often it is sent, and never by one that says something else", async () => {
    const one = await lit();
    const token = await tokenFor({ bandwidthMbps: 900 });
    const alice = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.clients.alice), 10_000);
    channels.push(alice);
    const send = async (body: object) => {
      const path = ["drac", "connections", one.connectionId, "modify"];
      const onwards = ["drac", "segments", one.connectionId, "modifications"];
      return await alice.ask({ method: "POST", path, body, token, onwards, answer: connection });
    };
    const first = { requestId: randomUUID(), vm: "radar", bandwidthMbps: 600 };
    const [once, twice] = await Promise.all([send(first), send(first)]);
    expect([once, twice]).toEqual([once, once]);
    await drac().modify(one.connectionId, { vm: "radar", bandwidthMbps: 800 }, token);
    expect(await send(first)).toMatchObject({ kind: "ok", value: { bandwidthMbps: 800 } });
    expect(await send({ ...first, bandwidthMbps: 500 })).toMatchObject({
      status: 409,
      refusal: { error: "request.used" },
    });
    expect(onRecord(one)).toEqual(everywhere(800, one.window.end));
  });

  it("is given once when two connections want the last of it, and what is left to the other as it was", async () => {
    const [one, two] = [await lit({ bandwidthMbps: 300 }), await lit({ bandwidthMbps: 300, vm: "second" })];
    const wants = [
      drac().modify(one.connectionId, { vm: "radar", bandwidthMbps: 600 }, await tokenFor({})),
      drac().modify(two.connectionId, { vm: "second", bandwidthMbps: 600 }, await tokenFor({ vm: "second" })),
    ];
    const won = (await Promise.allSettled(wants)).filter(({ status }) => status === "fulfilled");
    expect(won.length).toBeLessThanOrEqual(1);
    const rates = [onRecord(one), onRecord(two)].map((all) => new Set(all.map((line) => Number(line.split(" ")[1]))));
    expect(rates.map((all) => all.size)).toEqual([1, 1]);
    expect(rates.flatMap((all) => [...all]).filter((rate) => rate === 600)).toHaveLength(won.length);
    const loser = [...(rates[0] ?? [])][0] === 600 ? two : one;
    await drac().leave(loser.connectionId, loser.vm);
    await drac().leave(loser === one ? two.connectionId : one.connectionId, loser === one ? "second" : "radar");
    await drac().terminate((await lit({ bandwidthMbps: 1_000 })).connectionId);
  });

  it("is not had while a domain is silent; when that is back, all have what they had", async () => {
    const one = await lit();
    const token = await tokenFor({ bandwidthMbps: 900 });
    await domains.stop("transit.example");
    await expect(drac().modify(one.connectionId, { vm: "radar", bandwidthMbps: 900 }, token)).rejects.toMatchObject({
      ...{ code: "domain.unreachable", message: expect.stringMatching(/^transit.example/) },
    });
    await domains.start("transit.example");
    await expect.poll(() => onRecord(one), { timeout: 15_000 }).toEqual(everywhere(400, one.window.end));
    expect((await drac().modify(one.connectionId, { vm: "radar", bandwidthMbps: 900 }, token)).bandwidthMbps).toBe(900);
  });

  it("that is held and not committed runs out by itself, and what was committed can be gone back on", async () => {
    const one = await lit();
    const passedOn = await domains.rightOf(await tokenFor({ bandwidthMbps: 900 }));
    const peer = as("ams.example", "san.example");
    const path = ["drac", "segments", one.connectionId, "modifications"];
    const step = async (request: string, method: "POST" | "DELETE", ...verb: string[]) =>
      await peer.ask({ method, path: [...path, request, ...verb], answer: nothing });
    const hold = async (request: string, bandwidthMbps = 900) => {
      const body = { request, vm: "radar", bandwidthMbps, endMs: Date.parse(one.window.end) };
      return await peer.ask({ method: "POST", path, body, passedOn, answer: nothing });
    };
    const [late, good, next] = [randomUUID(), randomUUID(), randomUUID()];
    expect(await hold(late)).toMatchObject({ kind: "ok" });
    expect(await hold(good)).toMatchObject({ status: 409, refusal: { error: "connection.changing" } });
    await expect.poll(async () => (await hold(good)).kind, { timeout: 10_000 }).toBe("ok");
    expect(await step(late, "POST", "commit")).toMatchObject({ status: 409, refusal: { error: "modification.over" } });
    const san = () => onRecord(one)[2];
    expect(san()).toBe(`provisioned 400 ${one.window.end} held`);
    for (let times = 0; times < 2; times++) expect(await step(good, "POST", "commit")).toMatchObject({ kind: "ok" });
    expect(san()).toBe(`provisioned 900 ${one.window.end} committed`);
    // Down again: what it came from is kept for it, whoever asks meanwhile.
    for (let times = 0; times < 2; times++) expect(await step(good, "DELETE")).toMatchObject({ kind: "ok" });
    expect(san()).toBe(`provisioned 400 ${one.window.end} settled`);
    expect(await hold(next, 100)).toMatchObject({ kind: "ok" });
    expect(await step(next, "POST", "commit")).toMatchObject({ kind: "ok" });
    await expect(lit({ bandwidthMbps: 601, vm: "second" })).rejects.toThrow(
      /601 Mbps and a channel free|600 Mbps left/,
    );
    expect(await step(next, "DELETE")).toMatchObject({ kind: "ok" });
    expect(san()).toBe(`provisioned 400 ${one.window.end} settled`);
  });

  it("is not had for what is over, and is had by a right to the way back", async () => {
    const one = await lit();
    await drac().terminate(one.connectionId);
    const token = await tokenFor({});
    await expect(drac().modify(one.connectionId, { vm: "radar", bandwidthMbps: 500 }, token)).rejects.toThrow(
      /is terminated/,
    );
    const two = await lit();
    const back = await tokenFor({ from: SAN, to: wishFor().from });
    expect((await drac().modify(two.connectionId, { vm: "radar", bandwidthMbps: 600 }, back)).bandwidthMbps).toBe(600);
  });
});
