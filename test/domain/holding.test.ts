import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel, nothing } from "../../provider/aaa/channel.ts";
import { connection, type ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, grantFor, startDomains, windowIn, wishFor } from "./agents.ts";

const HOLD_SECONDS = 4;
const PATIENCE = { timeout: 20_000 };

describe("holds, silent domains and restarts", () => {
  let domains: Domains;
  const channels: Channel[] = [];
  beforeAll(async () => {
    domains = await startDomains((config) => ({ ...config, holdSeconds: HOLD_SECONDS }));
  });
  afterEach(async () => await Promise.all(channels.splice(0).map((channel) => channel.close())));
  afterAll(async () => await domains.end());

  function alice(): Channel {
    const channel = new Channel(domains.bed.records["ams.example"], callerOf(domains.bed.clients.alice), 10_000);
    channels.push(channel);
    return channel;
  }
  async function hold(wish: ReserveRequest, token: string) {
    const onwards = ["drac", "segments"];
    return await alice().ask({
      method: "POST",
      path: ["drac", "connections"],
      body: wish,
      token,
      onwards,
      answer: connection,
    });
  }
  const whole = (vm: string) => wishFor({ bandwidthMbps: 1_000, vm });

  it("drops a hold that is not committed in time, at every domain", async () => {
    const wish = whole("late");
    const token = await domains.tokenFor(wish);
    const held = await hold(wish, token);
    if (held.kind !== "ok") throw new Error(JSON.stringify(held));
    expect(held.value.state).toBe("held");
    expect(Date.parse(held.value.holdExpiresAt ?? "") - Date.now()).toBeLessThanOrEqual(HOLD_SECONDS * 1_000);
    expect(await hold(wish, token)).toMatchObject({ kind: "refused", status: 409 });
    const id = held.value.connectionId;
    const drac = domains.drac("ams.example");
    await expect.poll(async () => (await drac.query(id))?.state, PATIENCE).toBe("timed-out");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(held.value.holdExpiresAt ?? ""));
    const path = ["drac", "connections", id, "commit"];
    const commit = await alice().ask({ method: "POST", path, token, answer: nothing });
    expect(commit).toMatchObject({
      kind: "refused",
      status: 409,
      refusal: { reason: expect.stringContaining("timed-out") },
    });
    // The others took their holds a moment later.
    const ids: string[] = [];
    const again = async () => ids.push((await drac.reserve(wish, token)).connectionId);
    await expect.poll(again, PATIENCE).toBe(1);
    for (const next of ids) await drac.terminate(next);
  });

  it("does not light what is only held", async () => {
    const wish = whole("eager");
    const token = await domains.tokenFor(wish);
    const held = await hold(wish, token);
    if (held.kind !== "ok") throw new Error(JSON.stringify(held));
    const { connectionId } = held.value;
    await expect(domains.drac("ams.example").provision(connectionId, token)).rejects.toThrow(/is held/);
    await domains.drac("ams.example").terminate(connectionId);
  });

  it("ends what has been lit when its time is over", async () => {
    const drac = domains.drac("ams.example");
    const short = wishFor({ window: windowIn(0, 8), bandwidthMbps: 1_000, vm: "short" });
    const shortToken = await domains.tokenFor(short);
    const lit = await drac.reserve(short, shortToken);
    await drac.provision(lit.connectionId, shortToken);
    await expect.poll(async () => (await drac.query(lit.connectionId))?.state, PATIENCE).toBe("terminated");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(short.window.end));
  });

  it("keeps what is reserved and provisioned through restarts of every domain", async () => {
    const wish = wishFor({ vm: "lasting" });
    const token = await domains.tokenFor(wish);
    const drac = domains.drac("ams.example");
    const { connectionId } = await drac.reserve(wish, token);
    await drac.provision(connectionId, token);
    for (const name of ["ams.example", "transit.example", "san.example"] as const) {
      await domains.stop(name);
      await domains.start(name);
    }
    expect(await drac.query(connectionId)).toMatchObject({ state: "provisioned", vm: "lasting", bandwidthMbps: 600 });
    const second = whole("second");
    await expect(drac.reserve(second, await domains.tokenFor(second))).rejects.toThrow(/1000 Mbps and a channel free/);
    expect((await drac.release(connectionId)).state).toBe("reserved");
    await drac.terminate(connectionId);
  });

  it("names the domain that is silent, and gives every hold back", async () => {
    const wish = whole("silent");
    const token = await domains.tokenFor(wish);
    const drac = domains.drac("ams.example");
    await domains.stop("san.example");
    const silent = {
      code: "domain.unreachable",
      message: expect.stringMatching(/^san.example could not be asked.*does not answer/),
    };
    await expect(drac.reserve(wish, token)).rejects.toMatchObject(silent);
    await expect(domains.aaa("ams.example").requestGrant(grantFor(wish))).rejects.toMatchObject(silent);
    await domains.start("san.example");
    const { connectionId } = await drac.reserve(wish, token);
    await domains.stop("transit.example");
    await expect(drac.provision(connectionId, token)).rejects.toMatchObject({
      message: expect.stringMatching(/^transit.example/),
    });
    await expect(drac.terminate(connectionId)).rejects.toMatchObject({
      message: expect.stringMatching(/^transit.example/),
    });
    await domains.start("transit.example");
    // The coordinator remembers what it is still owed, and gets it without being asked again.
    await expect.poll(async () => (await drac.query(connectionId))?.state, PATIENCE).toBe("terminated");
    const next = await drac.reserve(wish, await domains.tokenFor(wish));
    await drac.terminate(next.connectionId);
  });

  it("says when the domain that is asked is silent itself", async () => {
    await domains.stop("ams.example");
    const asked = domains.drac("ams.example").query("any");
    await expect(asked).rejects.toMatchObject({
      code: "domain.unreachable",
      message: expect.stringContaining("ams.example at https://127"),
    });
    await domains.start("ams.example");
  });
});
