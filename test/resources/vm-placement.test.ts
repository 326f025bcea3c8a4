import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import type { CheckFailure, Properties } from "../../provider/resource.ts";
import { UNKNOWN } from "../../provider/resources/unknowns.ts";
import { vmPlacementResource } from "../../provider/resources/vm-placement.ts";
import { composed, listener, placementAt, siteNamed } from "./declarations.ts";

const resource = vmPlacementResource(composed());

async function checked(news: Properties, olds: Properties = {}): Promise<Properties> {
  const { inputs, failures } = await resource.check({ olds, news });
  expect(failures).toEqual([]);
  return inputs;
}

async function diffed(news: Properties, olds: Properties = placementAt("ams")) {
  const before = await checked(olds);
  return resource.diff({ id: "radar-0", olds: before, news: await checked(news, before) });
}

const NSI = {
  ...{ kind: "nsi", provider: "urn:ogf:network:transit.example:2026:nsa", url: "https://127.0.0.1:1/nsi" },
  ...{ fingerprint: `SHA256:${"A".repeat(43)}`, requester: "urn:ogf:network:us.example:2026:nsa" },
  ...{ callback: { url: "https://127.0.0.1:2/callback", port: 2 }, bandwidthMbps: 400 },
};

const OSCARS = {
  ...{ kind: "oscars", url: "https://127.0.0.1:1", fingerprint: `SHA256:${"A".repeat(43)}` },
  ...{ ports: { a: { device: "A", port: "A:1", vlans: [100] } }, bandwidthMbps: 400 },
};

describe("checking a placement", () => {
  test("says the transition while the recorded site differs from the declared one", async () => {
    const olds = await checked(placementAt("ams"));
    expect(olds).not.toHaveProperty("move");
    expect((await checked(placementAt("san"), olds)).move).toEqual({
      from: { name: "ams", labels: { jurisdiction: "NL" } },
      to: { name: "san", labels: { jurisdiction: "US" } },
    });
  });

  test("drops the transition once it is made", async () => {
    const moving = await checked(placementAt("san"), await checked(placementAt("ams")));
    expect(await checked(placementAt("san"), moving)).not.toHaveProperty("move");
  });

  test("lets nobody declare a transition, nor a site that is not the location", async () => {
    const { failures } = await resource.check({
      olds: {},
      news: placementAt("ams", {
        site: "san",
        move: { from: { name: "ams", labels: {} }, to: { name: "san", labels: {} } },
      }),
    });
    expect(failures).toEqual([
      { property: "move", reason: "is not a known property" },
      { property: "site", reason: "must be the name of `location`" },
    ]);
  });

  test.each([
    [{ kind: "fixed", bandwidthMbps: -1 }, "lightpath.bandwidthMbps"],
    [{ kind: "fixed", bandwidthMbps: 600, link: { name: "vpn", capacityMbps: 500 } }, "lightpath.bandwidthMbps"],
    [{ kind: "on-demand" }, "lightpath.bandwidthMbps"],
    [{ kind: "on-demand", bandwidthMbps: 600, maxBandwidthMbps: 500 }, "lightpath.maxBandwidthMbps"],
    [{ kind: "carrier-pigeon" }, "lightpath.kind"],
    [{ ...NSI, callback: { url: "http://127.0.0.1:2/callback", port: 2 } }, "lightpath.callback.url"],
    [{ ...NSI, fingerprint: "SHA256:short" }, "lightpath.fingerprint"],
    [{ ...NSI, maxBandwidthMbps: 900 }, "lightpath.maxBandwidthMbps"],
    [{ ...OSCARS, url: "http://127.0.0.1:1" }, "lightpath.url"],
    [{ ...OSCARS, ports: { a: { device: "A", port: "A:1", vlans: [] } } }, "lightpath.ports.a.vlans"],
    [{ ...OSCARS, maxBandwidthMbps: 300 }, "lightpath.maxBandwidthMbps"],
    [{ ...OSCARS, token: "secret" }, "lightpath.token"],
  ])("refuses the path %j", async (lightpath, property) => {
    const { failures } = await resource.check({ olds: {}, news: placementAt("ams", { lightpath }) });
    expect(failures.map((failure) => failure.property)).toEqual([property]);
  });
});

describe("a declared grant", () => {
  const [hourAgo, hourAhead] = [-1, 1].map((hours) => new Date(Date.now() + hours * 3_600_000).toISOString());
  const STPS = ["urn:ogf:network:ams.example:2026:site", "urn:ogf:network:san.example:2026:site"];

  /** What is said against a move to san under a grant for all that it needs, but for these changes. */
  async function saidOf(changes: Properties, news: Properties = {}, jwt?: string): Promise<readonly CheckFailure[]> {
    const details = {
      ...{ type: "lightpath-grant", between: STPS, bandwidthMbps: 900, vm: "radar", domains: ["ams.example"] },
      ...{ window: { start: hourAgo, end: hourAhead }, ...changes },
    };
    const claims = { sub: "alice", jti: "g1", consents: {}, authorization_details: [details] };
    const signed = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(Buffer.alloc(32));
    const home = siteNamed("ams").domain;
    const grant = { id: "g1", jwt: jwt ?? signed, home, window: { start: hourAgo, end: hourAhead } };
    const there = placementAt("san", { grant, ...news });
    return (await resource.check({ olds: await checked(placementAt("ams")), news: there })).failures;
  }
  const reserved = {
    kind: "reserved",
    connectionId: "c1",
    home: siteNamed("ams").domain,
    bandwidthMbps: 901,
    mtu: 9000,
  };

  test("that covers the move is fine, whichever way it goes", async () => {
    expect(await saidOf({})).toEqual([]);
    expect(await saidOf({ between: STPS.toReversed() })).toEqual([]);
    expect(await saidOf({ encryption: "tls" })).toEqual([]);
  });

  test.each<[Properties, Properties, RegExp]>([
    [{ bandwidthMbps: 100 }, {}, /^must cover the move ams → san: it is for 100 Mbps, not for 900 Mbps$/],
    [{}, { lightpath: reserved }, /: it is for 900 Mbps, not for 901 Mbps$/],
    [
      { vm: "other", bandwidthMbps: 1 },
      {},
      /: it is for 1 Mbps, not for 900 Mbps; it is for the VM other, not for radar$/,
    ],
    [{ between: [STPS[0], "urn:ogf:network:bru.example:2026:site"] }, {}, /: it is for .* and .*bru.*, not for .*san/],
    [
      { window: { start: hourAhead, end: new Date(Date.now() + 7_200_000).toISOString() } },
      {},
      /: it begins at .*, after/,
    ],
    [{ window: { start: "2026-01-01T00:00:00Z", end: hourAgo } }, {}, /: it ends at .*, before/],
    [
      { encryption: "tls" },
      { lightpath: { kind: "on-demand", bandwidthMbps: 9, encryption: "none" } },
      /in the clear$/,
    ],
  ])("that is %j is refused before anybody is asked, with what is missing", async (changes, news, reason) => {
    expect(await saidOf(changes, news)).toEqual([{ property: "grant", reason: expect.stringMatching(reason) }]);
  });

  test("is judged where there is a move that needs one, and once it is known", async () => {
    const fixed = { kind: "fixed", bandwidthMbps: 900, mtu: 9000, rttMs: 1 };
    expect(await saidOf({ vm: "other" }, { lightpath: fixed })).toEqual([]);
    expect(await saidOf({ vm: "other" }, placementAt("ams"))).toEqual([]);
    expect(await saidOf({ vm: "other" }, { grant: UNKNOWN })).toEqual([]);
    expect(await saidOf({}, {}, "eyJ")).toEqual([
      { property: "grant", reason: "must cover the move ams → san: it is not the grant of an AuthToken" },
    ]);
  });
});

test("a move is live unless it is said, and there are two modes of it", async () => {
  expect(await checked(placementAt("ams"))).toMatchObject({ mode: "live" });
  expect(await checked(placementAt("ams", { mode: "suspended" }))).toMatchObject({ mode: "suspended" });
  expect(await checked(placementAt("ams", { mode: "live", memoryMiB: UNKNOWN }))).toMatchObject({ mode: "live" });
  const { failures } = await resource.check({ olds: {}, news: placementAt("ams", { mode: "cold" }) });
  expect(failures).toEqual([{ property: "mode", reason: expect.stringMatching(/"live"\|"suspended"/) }]);
});

describe("a difference of placements", () => {
  test("there is none between the same, even if the last inputs still had a transition", async () => {
    const olds = await checked(placementAt("san"), await checked(placementAt("ams")));
    const news = await checked(placementAt("san"), olds);
    expect(olds).toHaveProperty("move");
    expect(await resource.diff({ id: "radar-0", olds, news })).toMatchObject({ changes: false, replaces: [] });
  });

  test("another site is an update, never a replacement", async () => {
    expect(await diffed(placementAt("san"))).toMatchObject({ changes: true, replaces: [] });
  });

  test.each([
    ["name", "sonar"],
    ["image", { kernel: "/other", initrd: "/i" }],
    ["disks", []],
    ["memoryMiB", 256],
    ["vcpus", 2],
    ["network", { address: "10.1.1.3/24", gateway: "10.1.1.1", mac: "52:54:00:00:00:01" }],
  ])("another %s takes a new VM, the old one deleted first", async (key, value) => {
    const difference = await diffed(placementAt("ams", { [key]: value }));
    expect(difference).toEqual({ changes: true, replaces: [key], deleteBeforeReplace: true });
  });

  test.each([
    ["mode", "suspended"],
    ["downtimeBudgetMs", 300],
    ["keepDisks", true],
    ["lightpath", { kind: "fixed" }],
    ["location", siteNamed("ams", { jurisdiction: "EU" })],
  ])("another %s is an update", async (key, value) => {
    expect(await diffed(placementAt("ams", { [key]: value }))).toMatchObject({ changes: true, replaces: [] });
  });

  test("an unknown path does not look like a new VM, though no default could be filled in by parsing", async () => {
    const lightpath = {
      ...{ kind: "reserved", connectionId: UNKNOWN, bandwidthMbps: 900 },
      home: siteNamed("ams").domain,
    };
    expect(await diffed(placementAt("ams", { lightpath }))).toMatchObject({ changes: true, replaces: [] });
  });

  test("a change of site is told as a plan, also where nobody answers", async () => {
    const narrator = listener();
    const telling = vmPlacementResource(composed({}, narrator));
    const declared = await checked(placementAt("ams"));
    const recorded = { host: "ams1", state: "running", epoch: 1, locations: { ams: declared.location } };
    const olds = { ...declared, ...recorded };
    const startedMs = performance.now();
    await telling.diff({ id: "radar-0", olds, news: await checked(placementAt("san"), olds) });
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    const lines = narrator.lines.join("\n").split("\n");
    expect(lines[0]).toBe("info: radar: ams → san, while it runs");
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}path: 900 Mbps on demand, .*credentials/));
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}host: .*(credentials|unreachable)/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}downtime: budget 1000 ms; its dirty rate is unknown \(.*\)$/),
    );
    await telling.diff({ id: "radar-0", olds, news: olds });
    expect(narrator.lines).toHaveLength(1);
  });

  test("it is told also where another version left its own record of the last move", async () => {
    const narrator = listener();
    const declared = await checked(placementAt("ams"));
    const recorded = { host: "ams1", state: "running", epoch: 2, locations: { ams: declared.location } };
    const olds = { ...declared, ...recorded, lastMove: { from: "san", took: "a while" } };
    const news = await checked(placementAt("san"), olds);
    await vmPlacementResource(composed({}, narrator)).diff({ id: "radar-0", olds, news });
    expect(narrator.lines).toEqual([expect.stringMatching(/^info: radar: ams → san, while it runs\n/)]);
  });
});
