import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel, nothing } from "../../provider/aaa/channel.ts";
import { type SegmentRequest, segmentHeld } from "../../provider/domain/wire.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, startDomains, wishFor } from "./agents.ts";
import { AMS, makeKey, type Name, SAN, withSecondHosts } from "./testbed.ts";

describe("a domain believes its peers no more than it must", () => {
  let domains: Domains;
  let wish: ReserveRequest;
  let token: string;
  const channels: Channel[] = [];
  beforeAll(async () => {
    domains = await startDomains(withSecondHosts(SAN));
    wish = wishFor();
    token = await domains.tokenFor(wish);
  });
  afterEach(async () => await Promise.all(channels.splice(0).map((channel) => channel.close())));
  afterAll(async () => await domains.end());

  /** A connection to san, with the key of another domain. */
  function as(name: Name): Channel {
    const channel = new Channel(domains.bed.records["san.example"], callerOf(domains.bed.signing[name]), 5_000);
    channels.push(channel);
    return channel;
  }
  const part = { domain: "san.example", in: { port: "west", channel: 3 }, out: { port: "host", channel: 3 } };
  const request = (changes: Partial<SegmentRequest> = {}): SegmentRequest => {
    return { connectionId: randomUUID(), reservation: wish, segment: part, ...changes };
  };
  const hold = async (name: Name, body: SegmentRequest, withToken = token) =>
    await as(name).ask({
      ...{ method: "POST", path: ["drac", "segments"], body, answer: segmentHeld },
      passedOn: await domains.rightOf(withToken),
    });

  it("refuses to hold what it did not agree to", async () => {
    const attacks: [Partial<SegmentRequest>, string][] = [
      [{ segment: { ...part, out: { port: "host2", channel: 0 } } }, "did not agree to the way from west to host2"],
      [{ segment: { ...part, in: part.out, out: part.in } }, "did not agree to the way from host to west"],
      [{ segment: { ...part, in: part.out } }, "did not agree to the way"],
      [{ segment: { ...part, domain: "transit.example" } }, "did not agree to the way"],
      [{ segment: { ...part, in: { port: "west", channel: 4 } } }, "channel 4 of port west is not free"],
      [{ segment: { ...part, in: { port: "west", channel: -1 } } }, "channel -1 of port west is not free"],
      [{ reservation: { ...wish, to: `${SAN}2` } }, "the token does not cover this"],
      [{ reservation: { ...wish, from: SAN, to: AMS } }, "the token does not cover this"],
      [{ reservation: { ...wish, bandwidthMbps: 700 } }, "the token does not cover this"],
    ];
    for (const [changes, reason] of attacks) {
      const answer = await hold("ams.example", request(changes));
      expect(answer, reason).toMatchObject({
        kind: "refused",
        refusal: { domain: "san.example", reason: expect.stringContaining(reason) },
      });
    }
  });

  it("lets a connection be led by its coordinator alone", async () => {
    const asked = request();
    expect(await hold("ams.example", asked)).toMatchObject({ kind: "ok" });
    expect(await hold("ams.example", asked)).toMatchObject({ kind: "refused", status: 409 });
    const path = ["drac", "segments", asked.connectionId];
    const step = { method: "POST", answer: nothing, passedOn: await domains.rightOf(token) } as const;
    const foreign = await as("transit.example").ask({ ...step, path: [...path, "commit"] });
    expect(foreign).toMatchObject({ kind: "refused", status: 404 });
    expect(await as("transit.example").ask({ method: "DELETE", path, answer: nothing })).toMatchObject({ kind: "ok" });
    const bare = await as("ams.example").ask({ method: "POST", path: [...path, "commit"], answer: nothing });
    expect(bare).toMatchObject({ kind: "refused", status: 401 });
    expect(await as("ams.example").ask({ ...step, path: [...path, "provision"] })).toMatchObject({
      kind: "refused",
      status: 409,
    });
    expect(await as("ams.example").ask({ ...step, path: [...path, "commit"] })).toMatchObject({ kind: "ok" });
    expect(await as("ams.example").ask({ ...step, path: [...path, "provision"] })).toMatchObject({ kind: "ok" });
    expect(await as("ams.example").ask({ method: "DELETE", path, answer: nothing })).toMatchObject({ kind: "ok" });
  });

  it("answers neither strangers nor clients where it answers peers", async () => {
    const stranger = await makeKey("stranger.example");
    const paths = [
      ["drac", "segments"],
      ["drac", "occupancy"],
    ];
    for (const path of paths) {
      for (const [caller, status] of [
        [stranger, 401],
        [domains.bed.clients.alice, 403],
      ] as const) {
        const channel = new Channel(domains.bed.records["san.example"], callerOf(caller), 5_000);
        channels.push(channel);
        const body = path[1] === "segments" ? request() : { ports: ["west"], window: wish.window };
        expect(await channel.ask({ method: "POST", path, body, token, answer: z.unknown() })).toMatchObject({
          kind: "refused",
          status,
        });
      }
    }
  });
});
