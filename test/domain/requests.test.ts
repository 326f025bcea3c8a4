import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { connection, type ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, startDomains, wishFor } from "./agents.ts";

describe("a reservation that is asked for again", () => {
  let domains: Domains;
  let channel: Channel;
  beforeAll(async () => {
    domains = await startDomains();
    channel = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.clients.alice), 20_000);
  });
  afterAll(async () => {
    await channel.close();
    await domains.end();
  });

  const ask = async (body: ReserveRequest, token: string) =>
    await channel.ask({
      ...{ method: "POST", path: ["drac", "connections"], onwards: ["drac", "segments"] },
      ...{ body, token, answer: connection },
    });
  const idOf = (answer: Awaited<ReturnType<typeof ask>>) => (answer.kind === "ok" ? answer.value.connectionId : answer);

  it("by the same number is made once, at the same time, later, and after a restart", async () => {
    const wish = { ...wishFor({ vm: "again" }), requestId: randomUUID() };
    const token = await domains.tokenFor(wish);
    const both = await Promise.all([ask(wish, token), ask(wish, token)]);
    const [id] = both.map(idOf);
    expect(id).toEqual(expect.any(String));
    expect(both.map(idOf)).toEqual([id, id]);
    await domains.stop("ams.example");
    await domains.start("ams.example");
    expect(idOf(await ask(wish, token))).toBe(id);
    const drac = domains.drac("ams.example");
    expect((await drac.list()).map(({ connectionId }) => connectionId)).toEqual([id]);
    await drac.terminate(String(id));
    // What it got is over: it gets nothing else.
    expect(await ask(wish, token)).toMatchObject({ kind: "ok", value: { connectionId: id, state: "terminated" } });
  });

  it("for something else is refused", async () => {
    const wish = { ...wishFor({ vm: "same" }), requestId: randomUUID() };
    const token = await domains.tokenFor(wish);
    const first = await ask(wish, token);
    for (const change of [{ bandwidthMbps: 1 }, { mtu: 1_500 }, { constraints: { avoidLinks: ["far"] } }]) {
      const used = { kind: "refused", status: 409, refusal: { error: "request.used" } };
      expect(await ask({ ...wish, ...change }, token)).toMatchObject(used);
    }
    await domains.drac("ams.example").terminate(String(idOf(first)));
  });

  it("after it was refused is tried again", async () => {
    const drac = domains.drac("ams.example");
    const other = wishFor({ bandwidthMbps: 1_000, vm: "other" });
    const { connectionId } = await drac.reserve(other, await domains.tokenFor(other));
    const wish = { ...wishFor({ vm: "later" }), requestId: randomUUID() };
    const token = await domains.tokenFor(wish);
    expect(await ask(wish, token)).toMatchObject({ kind: "refused", status: 409 });
    await drac.terminate(connectionId);
    expect(await ask(wish, token)).toMatchObject({ kind: "ok", value: { state: "held" } });
  });
});
