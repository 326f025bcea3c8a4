import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NsiLightpath } from "../../../provider/lightpath/nsi/nsi.ts";
import { nsiRecord } from "../../../provider/lightpath/nsi/record.ts";
import { readEnvelope } from "../../../provider/lightpath/nsi/wire/envelope.ts";
import { windowIn, wishFor } from "../../domain/agents.ts";
import { AMS, SAN } from "../../domain/testbed.ts";
import { freePort, makeBadges } from "./far-side.ts";
import { recordingsOf, type Server } from "./recordings.ts";
import { type Replay, replay } from "./replay.ts";

/** What each server's first reservation was for, as it was recorded. */
function firstWish(server: Server) {
  const [first] = recordingsOf(server);
  const { header, message } = readEnvelope(first?.body ?? "");
  if (message.operation !== "types:reserve" || header === undefined) throw new Error("it is no reservation");
  const { capacity = 0, sourceSTP = "", destSTP = "" } = message.content.criteria["p2p:p2ps"] ?? {};
  return { header, capacity, sourceSTP, destSTP };
}

describe("a lightpath of another's server, by what was recorded of it", () => {
  let badges: Awaited<ReturnType<typeof makeBadges<"requester.example" | "server.example">>>;
  let open: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    badges = await makeBadges(["requester.example", "server.example"]);
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  afterAll(async () => await badges.remove());

  async function meet(
    server: Server,
    from = "01",
    hasty = false,
  ): Promise<{ far: Replay; nsi: NsiLightpath; mbps: number }> {
    const port = await freePort();
    const badge = badges.of("server.example");
    const far = await replay({ server, from, badge, callback: { port }, hasty });
    const { header, capacity, sourceSTP, destSTP } = firstWish(server);
    const record = nsiRecord.parse({
      ...{ kind: "nsi", provider: header.providerNSA, requester: header.requesterNSA, url: far.url },
      fingerprint: badge.fingerprint,
      callback: { url: `https://127.0.0.1:${port}/callback`, address: "127.0.0.1", port },
      stps: { [AMS]: sourceSTP, [SAN]: destSTP },
    });
    const nsi = new NsiLightpath(record, () => badges.of("requester.example"), {
      callbackMs: 20_000,
      dataPlaneMs: 20_000,
    });
    open = [nsi, far];
    return { far, nsi, mbps: capacity };
  }

  it.each([
    ["opennsa", false],
    ["opennsa", true],
    ["opennsa-multidomain", false],
    ["supa-polynsi", false],
    ["supa-polynsi", true],
    ["oscars-1.0.43-nsi", false],
  ] as const)(
    "lives from reservation to termination: %s (callbacks before acknowledgements: %s)",
    async (server, hasty) => {
      const { far, nsi, mbps } = await meet(server, "01", hasty);
      const reserved = await nsi.reserve(wishFor({ bandwidthMbps: mbps }));
      const { connectionId } = reserved;
      expect(reserved).toMatchObject({ state: "reserved", bandwidthMbps: mbps, from: AMS, to: SAN, vm: "radar" });
      expect(reserved.segments).toMatchObject([{ in: { channel: 0 }, out: { channel: 0 } }]);
      expect((await nsi.provision(connectionId)).state).toBe("provisioned");
      expect((await nsi.release(connectionId)).state).toBe("reserved");
      await nsi.terminate(connectionId);
      expect((await nsi.query(connectionId))?.state).toBe("terminated");
      const steps = far.asked.filter((operation) => operation !== "querySummarySync");
      expect(steps).toEqual(["reserve", "reserveCommit", "provision", "release", "terminate"]);
    },
  );

  it.each([
    ["still to come", 300, true],
    ["now", 0, false],
  ] as const)("is asked for with its start only if that is to come: %s", async (_, delaySeconds, told) => {
    const { far, nsi, mbps } = await meet("opennsa");
    const window = windowIn(delaySeconds, 900);
    const reserved = await nsi.reserve(wishFor({ bandwidthMbps: mbps, window }));
    expect(far.starts).toEqual([told ? window.start : undefined]);
    expect(reserved.window.start).toBe(window.start);
  });

  it("is refused by OpenNSA in the moment, and by SuPA afterwards, which must be told to forget it", async () => {
    const opennsa = await meet("opennsa", "45");
    await expect(opennsa.nsi.reserve(wishFor({ bandwidthMbps: 1_000 }))).rejects.toMatchObject({
      ...{
        code: "domain.refused",
        retry: "safe",
        message: expect.stringMatching(/not available in specified time.*\[00704\]/),
      },
    });
    expect(opennsa.far.asked).toEqual(["reserve", "querySummarySync"]);
    for (const one of open.splice(0)) await one.close();
    const supa = await meet("supa-polynsi", "45");
    await expect(supa.nsi.reserve(wishFor({ bandwidthMbps: 1_000 }))).rejects.toMatchObject({
      ...{ code: "domain.refused", retry: "safe", message: expect.stringMatching(/no matching VLAN found.*\[00704\]/) },
    });
    expect(supa.far.asked.filter((operation) => operation !== "querySummarySync")).toEqual(["reserve", "terminate"]);
  });

  it.each([
    ["opennsa", /already exists \[00202\]/],
    ["supa-polynsi", /unsupported parameter for modify\) \[00100\]/],
  ] as const)("is not modified by %s, which says so", async (server, reason) => {
    const { nsi, mbps } = await meet(server);
    const { connectionId } = await nsi.reserve(wishFor({ bandwidthMbps: mbps }));
    await nsi.provision(connectionId);
    await expect(nsi.modify(connectionId, { vm: "radar", bandwidthMbps: 2_000 })).rejects.toMatchObject({
      ...{ code: "domain.refused", message: expect.stringMatching(reason) },
    });
    expect((await nsi.query(connectionId))?.bandwidthMbps).toBe(mbps);
  });
});
