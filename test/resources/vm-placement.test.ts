import { describe, expect, test } from "vitest";
import type { Properties } from "../../provider/resource.ts";
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
  ])("refuses the path %j", async (lightpath, property) => {
    const { failures } = await resource.check({ olds: {}, news: placementAt("ams", { lightpath }) });
    expect(failures.map((failure) => failure.property)).toEqual([property]);
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
    expect(lines).toContain("  downtime: budget 1000 ms");
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
