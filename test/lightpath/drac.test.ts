import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Domains, startDomains, wishFor } from "../domain/agents.ts";
import { AMS, SAN } from "../domain/testbed.ts";

describe("a lightpath over three domains", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains();
  });
  afterAll(async () => await domains.end());

  it("lives from reservation to termination", async () => {
    const wish = wishFor();
    const token = await domains.tokenFor(wish);
    const drac = domains.drac("ams.example");
    const reserved = await drac.reserve(wish, token);
    expect(reserved).toMatchObject({
      state: "reserved",
      from: AMS,
      to: SAN,
      bandwidthMbps: 600,
      mtu: 9000,
      rttMs: 200,
    });
    expect(reserved.segments).toEqual([
      { domain: "ams.example", in: { port: "host", channel: 0 }, out: { port: "east", channel: 0 } },
      { domain: "transit.example", in: { port: "west", channel: 0 }, out: { port: "east", channel: 0 } },
      { domain: "san.example", in: { port: "west", channel: 0 }, out: { port: "host", channel: 0 } },
    ]);
    const id = reserved.connectionId;
    expect((await drac.provision(id, token)).state).toBe("provisioned");
    expect((await drac.provision(id, token)).state).toBe("provisioned");
    expect((await drac.query(id))?.state).toBe("provisioned");
    expect((await drac.release(id)).state).toBe("reserved");
    expect((await drac.release(id)).state).toBe("reserved");
    expect((await drac.provision(id, token)).state).toBe("provisioned");
    await drac.terminate(id);
    await drac.terminate(id);
    expect((await drac.query(id))?.state).toBe("terminated");
    expect((await drac.list()).map(({ connectionId }) => connectionId)).toEqual([id]);
    await expect(drac.provision(id, token)).rejects.toMatchObject({ code: "domain.refused" });
  });

  it("is lit for the way back with a token for the way back", async () => {
    const wish = wishFor({ vm: "returning" });
    const reserved = await domains.drac("ams.example").reserve(wish, await domains.tokenFor(wish));
    const back = await domains.tokenFor({ ...wish, from: SAN, to: AMS });
    expect((await domains.drac("ams.example").provision(reserved.connectionId, back)).state).toBe("provisioned");
    await domains.drac("ams.example").terminate(reserved.connectionId);
  });

  it("is reserved from the other end by the other domain, with its channels in that direction", async () => {
    const wish = wishFor({ from: SAN, to: AMS, vm: "westward" });
    const connection = await domains.drac("san.example").reserve(wish, await domains.tokenFor(wish));
    expect(connection.segments.map(({ domain }) => domain)).toEqual(["san.example", "transit.example", "ams.example"]);
    expect(connection.segments[0]?.in.port).toBe("host");
    await domains.drac("san.example").terminate(connection.connectionId);
  });

  it("is nobody's but its owner's", async () => {
    const wish = wishFor({ vm: "private" });
    const { connectionId } = await domains.drac("ams.example").reserve(wish, await domains.tokenFor(wish));
    const bob = domains.drac("ams.example", domains.bed.clients.bob);
    expect(await bob.query(connectionId)).toBeUndefined();
    expect(await bob.list()).toEqual([]);
    await bob.terminate(connectionId);
    await expect(bob.release(connectionId)).rejects.toMatchObject({ code: "domain.refused" });
    expect((await domains.drac("ams.example").query(connectionId))?.state).toBe("reserved");
    await domains.drac("ams.example").terminate(connectionId);
  });
});
