import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Connection, ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, startDomains, windowIn, wishFor } from "./agents.ts";
import { AMS, NAMES, SAN } from "./testbed.ts";

describe("a connection that several VMs use", () => {
  let domains: Domains;
  let shared: Connection;
  beforeAll(async () => {
    domains = await startDomains();
  });
  beforeEach(async () => {
    shared = await lit({ vm: "first" });
  });
  afterEach(async () => {
    for (const { connectionId } of await drac().list()) {
      for (const vm of ["second", "third", "first"]) await drac().leave(connectionId, vm);
    }
  });
  afterAll(async () => await domains.end());

  const drac = () => domains.drac("ams.example");
  const state = async ({ connectionId } = shared) => (await drac().query(connectionId))?.state;
  const tokenFor = async (changes: Partial<ReserveRequest>) => await domains.tokenFor(wishFor(changes));

  async function lit(changes: Partial<ReserveRequest>): Promise<Connection> {
    const wish = wishFor({ bandwidthMbps: 400, ...changes });
    const token = await domains.tokenFor(wish);
    const { connectionId } = await drac().reserve(wish, token);
    return await drac().provision(connectionId, token);
  }

  /** What each domain has noted of who rides, by its own store. */
  function rides(): string[][] {
    return NAMES.map((name) => {
      const database = new DatabaseSync(`${domains.bed.directory}/${name}.sqlite`, { readOnly: true });
      const select = "SELECT vm FROM rides WHERE id = ? AND ended = 0 ORDER BY vm";
      const found = database.prepare(select).all(shared.connectionId);
      database.close();
      return found.map(({ vm }) => String(vm));
    });
  }

  it("stays until the last one has left, whoever that is, and each was admitted by every domain", async () => {
    const { connectionId } = shared;
    for (const vm of ["second", "third"]) {
      const joined = await drac().join(connectionId, vm, await tokenFor({ vm }));
      expect(joined).toMatchObject({ connectionId, state: "provisioned", vm: "first" });
    }
    expect(rides()).toEqual(NAMES.map(() => ["second", "third"]));
    await drac().leave(connectionId, "first");
    await drac().leave(connectionId, "third");
    await drac().leave(connectionId, "third");
    expect(await state()).toBe("provisioned");
    expect(rides()).toEqual(NAMES.map(() => ["second"]));
    await drac().leave(connectionId, "second");
    expect(await state()).toBe("terminated");
    await drac().leave(connectionId, "second");
    await expect(drac().join(connectionId, "third", await tokenFor({ vm: "third" }))).rejects.toThrow(/is terminated/);
  });

  it("is joined with a right to exactly this way and at least this rate, now, by the VM that it names", async () => {
    const attacks: [Partial<ReserveRequest>, RegExp][] = [
      [{ vm: "third" }, /for the VM third, not for second/],
      [{ vm: "second", bandwidthMbps: 399 }, /for 399 Mbps, not for 400/],
      [{ vm: "second", window: windowIn(60, 600) }, /it begins at/],
    ];
    for (const [changes, reason] of attacks) {
      const joining = drac().join(shared.connectionId, "second", await tokenFor(changes));
      await expect(joining).rejects.toMatchObject({ code: "domain.refused", message: expect.stringMatching(reason) });
    }
    await expect(drac().join(shared.connectionId, "second", "")).rejects.toThrow(/token/);
    expect(rides()).toEqual([[], [], []]);
    const back = await tokenFor({ vm: "second", from: SAN, to: AMS });
    expect((await drac().join(shared.connectionId, "second", back)).state).toBe("provisioned");
  });

  it("is joined once with one token, which is worth nothing for another connection, nor twice", async () => {
    const token = await tokenFor({ vm: "second" });
    await drac().join(shared.connectionId, "second", token);
    await drac().join(shared.connectionId, "second", token);
    const other = await lit({ vm: "third" });
    await expect(drac().join(other.connectionId, "second", token)).rejects.toThrow(/the token was used before/);
    await drac().leave(shared.connectionId, "second");
    await expect(drac().join(shared.connectionId, "second", token)).rejects.toThrow(/the token was used before/);
    expect(rides()).toEqual([[], [], []]);
  });

  it("counts against the grant of each who joins, as a reservation does", async () => {
    const wish = wishFor({ vm: "second", bandwidthMbps: 600 });
    const token = await domains.tokensFor(wish);
    await drac().join(shared.connectionId, "second", await token());
    await expect(drac().reserve(wish, await token())).rejects.toThrow(/400 Mbps are reserved at that time/);
    await drac().leave(shared.connectionId, "second");
    const own = await drac().reserve(wish, await token());
    await drac().terminate(own.connectionId);
  });

  it("is neither put out nor given back while another VM uses it, and is nobody else's to join or leave", async () => {
    const { connectionId } = shared;
    await drac().join(connectionId, "second", await tokenFor({ vm: "second" }));
    const inUse = { code: "domain.refused", retry: "safe", message: expect.stringMatching(/is used by second too/) };
    await expect(drac().terminate(connectionId)).rejects.toMatchObject(inUse);
    await expect(drac().release(connectionId)).rejects.toMatchObject(inUse);
    const bob = domains.drac("ams.example", domains.bed.clients.bob);
    await expect(bob.join(connectionId, "third", await tokenFor({ vm: "third" }))).rejects.toThrow(
      /given to alice, not to bob/,
    );
    for (const vm of ["first", "second"]) await bob.leave(connectionId, vm);
    expect(await state()).toBe("provisioned");
    expect(rides()).toEqual(NAMES.map(() => ["second"]));
    await drac().leave(connectionId, "second");
    await drac().terminate(connectionId);
    expect(await state()).toBe("terminated");
  });

  it("is not joined where one domain does not answer, and is as it was", async () => {
    const token = await tokenFor({ vm: "second" });
    await domains.stop("transit.example");
    try {
      const joining = drac().join(shared.connectionId, "second", token);
      await expect(joining).rejects.toMatchObject({ code: "domain.unreachable" });
    } finally {
      await domains.start("transit.example");
    }
    expect(await state()).toBe("provisioned");
    expect(rides()).toEqual([[], [], []]);
    await drac().leave(shared.connectionId, "first");
    expect(await state()).toBe("terminated");
  });

  it("is remembered with those who use it when its domains start anew", async () => {
    await drac().join(shared.connectionId, "second", await tokenFor({ vm: "second" }));
    for (const name of NAMES) {
      await domains.stop(name);
      await domains.start(name);
    }
    await drac().leave(shared.connectionId, "first");
    expect(await state()).toBe("provisioned");
    await drac().leave(shared.connectionId, "second");
    expect(await state()).toBe("terminated");
  });
});
