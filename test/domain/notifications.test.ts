import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { connection, type Notification } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, startDomains, wishFor } from "./agents.ts";
import type { KeyPair } from "./testbed.ts";

describe("notifications", () => {
  let domains: Domains;
  const following: AbortController[] = [];
  beforeAll(async () => {
    domains = await startDomains((config) => ({ ...config, holdSeconds: 2 }));
  });
  afterAll(async () => {
    for (const one of following) one.abort();
    await domains.end();
  });

  /** All that a caller hears from now on. */
  function heardBy(caller: KeyPair) {
    const signal = new AbortController();
    following.push(signal);
    const heard: Notification[] = [];
    const follow = async () => {
      for await (const one of domains.drac("ams.example", caller).notifications(signal.signal)) heard.push(one);
    };
    const ended = follow();
    return { heard, ended, end: () => signal.abort(), of: (id: string) => of(heard, id) };
  }
  const of = (heard: readonly Notification[], id: string) =>
    heard.filter(({ connectionId }) => connectionId === id).map(({ what }) => what);

  it("tell an owner, and nobody else, what becomes of its connections, in order, also after the domain was away", async () => {
    const [alice, bob] = [heardBy(domains.bed.clients.alice), heardBy(domains.bed.clients.bob)];
    const drac = domains.drac("ams.example");
    // Only what is after the beginning is heard.
    const first = wishFor({ bandwidthMbps: 100, vm: "first" });
    const token = await domains.tokenFor(first);
    const hears = async () => {
      const { connectionId } = await drac.reserve(first, token);
      await drac.terminate(connectionId);
      return alice.heard.length;
    };
    await expect.poll(hears, { timeout: 30_000, interval: 500 }).toBeGreaterThan(0);
    const wish = wishFor({ bandwidthMbps: 100, vm: "told" });
    const mine = await domains.tokenFor(wish);
    const { connectionId: id } = await drac.reserve(wish, mine);
    await drac.provision(id, mine);
    await drac.release(id);
    const shorter = new Date(Date.parse(wish.window.end) - 60_000).toISOString();
    await drac.modify(id, { vm: wish.vm, end: shorter }, mine);
    const before = ["held", "reserved", "provisioned", "reserved", "modified"];
    await expect.poll(() => alice.of(id)).toEqual(before);
    await domains.stop("ams.example");
    await domains.start("ams.example");
    await drac.terminate(id);
    await expect.poll(() => alice.of(id)).toEqual([...before, "terminated"]);
    expect(bob.heard).toEqual([]);
    alice.end();
    bob.end();
    await Promise.all([alice.ended, bob.ended]);
  });

  it("tell of a hold that ran out though nobody asked", async () => {
    const { of, end } = heardBy(domains.bed.clients.alice);
    const channel = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.clients.alice), 20_000);
    const wish = wishFor({ bandwidthMbps: 100, vm: "late" });
    const token = await domains.tokenFor(wish);
    const held: string[] = [];
    const hold = async () => {
      const answer = await channel.ask({
        method: "POST",
        path: ["drac", "connections"],
        body: wish,
        token,
        onwards: ["drac", "segments"],
        answer: connection,
      });
      if (answer.kind === "ok") held.push(answer.value.connectionId);
      return held.map((id) => of(id)).find((what) => what.includes("timed-out"));
    };
    await expect.poll(hold, { timeout: 40_000, interval: 2_500 }).toEqual(["held", "timed-out"]);
    end();
    await channel.close();
  });

  it("cannot be followed so often that others have no room", async () => {
    const channel = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.clients.bob), 20_000);
    const all = new AbortController();
    const follow = async () => await channel.follow(["drac", "notifications"], {}, all.signal);
    for (let count = 0; count < 8; count++) expect((await follow()).kind).toBe("ok");
    const refused = { kind: "refused", status: 429, refusal: { error: "caller.too-many" } };
    expect(await follow()).toMatchObject(refused);
    const alice = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.clients.alice), 20_000);
    expect((await alice.follow(["drac", "notifications"], {}, all.signal)).kind).toBe("ok");
    all.abort();
    // Room is there again once they are gone.
    const again = new AbortController();
    const anew = async () => (await channel.follow(["drac", "notifications"], {}, again.signal)).kind;
    await expect.poll(anew, { timeout: 20_000 }).toBe("ok");
    again.abort();
    await Promise.all([channel.close(), alice.close()]);
  });

  it("are for clients, and begin at a number", async () => {
    const peer = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.signing["san.example"]), 20_000);
    const alice = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.clients.alice), 20_000);
    const { signal } = new AbortController();
    const path = ["drac", "notifications"];
    expect(await peer.follow(path, {}, signal)).toMatchObject({ kind: "refused", status: 403 });
    expect(await alice.follow(path, { "last-event-id": "-1" }, signal)).toMatchObject({ kind: "refused", status: 400 });
    await Promise.all([peer.close(), alice.close()]);
  });
});
