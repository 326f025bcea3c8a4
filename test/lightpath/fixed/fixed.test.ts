import { expect, test } from "vitest";
import { FixedLightpath, Shares } from "../../../provider/lightpath/fixed/fixed.ts";
import { wishFor } from "../../domain/agents.ts";
import { AMS, SAN } from "../../domain/testbed.ts";

const record = { kind: "fixed", link: { name: "vpn", capacityMbps: 1_000 }, rttMs: 20 } as const;

test("a link is shared by rate, up to what it carries, whoever asks through whichever adapter of this process", async () => {
  const shares = new Shares();
  const [one, other] = [new FixedLightpath(record, shares), new FixedLightpath({ ...record, rttMs: 21 }, shares)];
  const offer = { from: AMS, to: SAN, bandwidthMbps: 600, minutes: 60 };
  expect(await one.offer(offer)).toMatchObject({ hops: [], rttMs: 20, freeMbps: 1_000 });
  const wish = wishFor();
  const first = await one.reserve(wish);
  expect(first).toMatchObject({ ...wish, state: "reserved", segments: [], rttMs: 20 });
  expect((await one.provision(first.connectionId)).state).toBe("provisioned");
  const refused = {
    ...{ code: "domain.refused", retry: "safe" },
    message: expect.stringMatching(/vpn has 400 of its 1000 Mbps free, not 600: it is used by radar \(600 Mbps\)/),
  };
  await expect(other.reserve(wishFor({ vm: "second" }))).rejects.toMatchObject(refused);
  await expect(other.offer(offer)).rejects.toMatchObject(refused);
  const second = await other.reserve(wishFor({ vm: "second", bandwidthMbps: 400 }));
  await expect(one.modify(first.connectionId, { vm: "radar", bandwidthMbps: 601 })).rejects.toThrow(
    /has 0 of its 1000/,
  );
  const later = new Date(Date.now() + 7_200_000).toISOString();
  expect((await one.modify(first.connectionId, { vm: "radar", end: later })).window.end).toBe(later);
  await one.modify(first.connectionId, { vm: "radar", bandwidthMbps: 500 });
  expect(await one.list()).toHaveLength(2);
  await other.terminate(second.connectionId);
  expect((await one.modify(first.connectionId, { vm: "radar", bandwidthMbps: 1_000 })).bandwidthMbps).toBe(1_000);
});

test("another link is another's, and what is given back is free", async () => {
  const shares = new Shares();
  const vpn = new FixedLightpath(record, shares);
  const line = new FixedLightpath({ ...record, link: { name: "line", capacityMbps: 700 } }, shares);
  const { connectionId } = await vpn.reserve(wishFor({ bandwidthMbps: 1_000 }));
  await line.reserve(wishFor({ bandwidthMbps: 700 }));
  await vpn.join(connectionId, "second");
  await expect(vpn.release(connectionId)).rejects.toThrow(/is used by second too/);
  await expect(vpn.terminate(connectionId)).rejects.toThrow(/is used by second too/);
  await vpn.leave(connectionId, "radar");
  await expect(vpn.reserve(wishFor({ bandwidthMbps: 1 }))).rejects.toThrow(/has 0 of its 1000 Mbps free/);
  await vpn.leave(connectionId, "second");
  expect(await vpn.query(connectionId)).toBeUndefined();
  await vpn.leave(connectionId, "second");
  await vpn.terminate(connectionId);
  await expect(vpn.provision(connectionId)).rejects.toMatchObject({ code: "domain.refused" });
  expect(await vpn.reserve(wishFor({ bandwidthMbps: 1_000 }))).toMatchObject({ state: "reserved" });
});
