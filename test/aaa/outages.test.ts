import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLIENT_TIMEOUT_MS } from "../../provider/aaa/caller.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { NAMES, type Name } from "../domain/testbed.ts";

describe("an AAA that is down", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains();
  });
  afterAll(async () => await domains.end());

  /** How long a client waits to be told who is silent; ms. */
  async function refusedAfter(name: Name): Promise<number> {
    const startMs = performance.now();
    const asked = domains.aaa("ams.example").requestGrant(grantFor(wishFor({ vm: "down" })));
    await expect(asked).rejects.toMatchObject({
      ...{ code: "domain.unreachable", retry: "safe" },
      message: expect.stringMatching(
        new RegExp(`^${name} could not be asked to .*${name} at https://.* does not answer`),
      ),
    });
    return performance.now() - startMs;
  }

  it.each(["transit.example", "san.example"] as const)("is named within the budget: %s", async (name) => {
    await domains.stop(name);
    expect(await refusedAfter(name)).toBeLessThan(CLIENT_TIMEOUT_MS);
    // Worse than one that is gone is one that takes every connection, and says nothing.
    const sockets: Socket[] = [];
    const port = Number(new URL(domains.bed.records[name].url).port);
    const mute = createServer((socket) => void sockets.push(socket.on("error", () => undefined)));
    await once(mute.listen(port, "127.0.0.1"), "listening");
    expect(await refusedAfter(name)).toBeLessThan(CLIENT_TIMEOUT_MS);
    expect(sockets.length).toBeGreaterThan(0);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
    await domains.start(name);
  });

  it.each(NAMES)("has lost nothing when it is back: %s", async (name) => {
    const wish = wishFor({ bandwidthMbps: 100 });
    const aaa = domains.aaa("ams.example");
    const [kept, revoked] = [await aaa.requestGrant(grantFor(wish)), await aaa.requestGrant(grantFor(wish))];
    const minted = { ...tokenRequestFor(wish), grant: revoked.jwt };
    const { token: worthless } = await aaa.mintToken(minted);
    const { token } = await aaa.mintToken({ ...minted, grant: kept.jwt });
    await aaa.revokeGrant(revoked.id);
    await domains.stop(name);
    await domains.start(name);
    expect((await aaa.grantStatus(kept.id))?.state).toBe("active");
    expect((await aaa.grantStatus(revoked.id))?.state).toBe("revoked");
    await expect(aaa.mintToken(minted)).rejects.toThrow(/is revoked/);
    await expect(domains.drac(name).reserve(wish, worthless)).rejects.toThrow(/is revoked/);
    const drac = domains.drac("ams.example");
    const { connectionId } = await drac.reserve(wish, token);
    await drac.provision(connectionId, token);
    await drac.terminate(connectionId);
    await aaa.revokeGrant(kept.id);
  });
});
