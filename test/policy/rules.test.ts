import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bandwidthCap } from "../../examples/policy/rules/bandwidth-cap.ts";
import { embargo } from "../../examples/policy/rules/embargo.ts";
import { encryption } from "../../examples/policy/rules/encryption.ts";
import { hours, isWithin } from "../../examples/policy/rules/hours.ts";
import { movingTo, refusals, standingAt } from "./reviewed.ts";

describe("an embargo", () => {
  const labels = { embargo: "nl-data" };
  const allowed = { "nl-data": ["NL"] };

  test("names the VM, the way, the rule and the reason", async () => {
    expect(await refusals(embargo, await movingTo("san", { labels }), { allowed })).toEqual([
      "radar: ams → san is refused by the rule embargo: san is in US, and embargo nl-data allows NL",
    ]);
  });

  test("allows the way home, and VMs without one", async () => {
    expect(await refusals(embargo, await movingTo("ams", { labels }), { allowed })).toEqual([]);
    expect(await refusals(embargo, await movingTo("san"), { allowed })).toEqual([]);
  });

  test.each(["unheard-of", "constructor", "__proto__"])("that is not configured (%s) allows nothing", async (name) => {
    const said = await refusals(embargo, await movingTo("ams", { labels: { embargo: name } }), { allowed });
    expect(said).toEqual([expect.stringContaining(`embargo ${name} allows no jurisdiction`)]);
  });

  test("holds for a placement, unless placements are left out", async () => {
    const props = await standingAt("san", { labels });
    expect(await refusals(embargo, props, { allowed })).toEqual([
      "radar: its place at san is refused by the rule embargo: san is in US, and embargo nl-data allows NL",
    ]);
    expect(await refusals(embargo, props, { allowed, placements: false })).toEqual([]);
    expect(await refusals(embargo, await standingAt("ams", { labels }), { allowed })).toEqual([]);
  });

  test("keeps off sites whose jurisdiction is not told", async () => {
    const config = { allowed, siteLabel: "country" };
    const said = await refusals(embargo, await movingTo("ams", { labels }), config);
    expect(said).toEqual([expect.stringContaining("ams has no label country")]);
  });
});

test("encryption refuses what crosses a path in the clear, unless the path is declared to encrypt", async () => {
  const clear = { encryption: "none" };
  for (const lightpath of [{ kind: "fixed" }, { kind: "fixed", encrypted: true, ...clear }]) {
    expect(await refusals(encryption, await movingTo("san", { lightpath }))).toEqual([]);
  }
  expect(await refusals(encryption, await movingTo("san"))).toEqual([]);
  for (const lightpath of [
    { kind: "fixed", ...clear },
    { kind: "on-demand", bandwidthMbps: 1, ...clear },
  ]) {
    const said = await refusals(encryption, await movingTo("san", { lightpath }));
    expect(said).toEqual([expect.stringContaining("radar: ams → san is refused by the rule encryption")]);
  }
});

test.each([
  [900, []],
  [899, ["radar: ams → san is refused by the rule bandwidth-cap: its path has 900 Mbit/s; allowed are 899 Mbit/s"]],
])("a cap of %i Mbit/s on a path of 900", async (maxMbps, expected) => {
  expect(await refusals(bandwidthCap, await movingTo("san"), { maxMbps })).toEqual(expected);
});

describe("hours", () => {
  const night = [{ from: "22:00", to: "04:00" }] as const;
  const weekend = [{ days: ["Sat"], from: "22:00", to: "04:00" }] as const;

  test.each([
    ["2026-01-05T22:00:00Z", night, true],
    ["2026-01-05T03:59:59Z", night, true],
    ["2026-01-05T04:00:00Z", night, false],
    ["2026-01-05T21:59:59Z", night, false],
    ["2026-01-03T23:00:00Z", weekend, true],
    ["2026-01-04T03:00:00Z", weekend, true],
    ["2026-01-03T03:00:00Z", weekend, false],
    ["2026-01-04T23:00:00Z", weekend, false],
    ["2026-01-05T12:00:00Z", [], false],
  ])("%s within %j: %s", (moment, allowed, expected) => {
    expect(isWithin(new Date(moment), allowed)).toBe(expected);
  });

  test("the whole day is every moment, and an hour and the rest of the day are one or the other", () => {
    const time = fc.integer({ min: 0, max: 24 * 60 - 1 }).map((minute) => {
      return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":");
    });
    const moment = fc.date({ min: new Date("2026-01-01"), max: new Date("2027-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(moment, time, time, (at, from, to) => {
        expect(isWithin(at, [{ from: "00:00", to: "24:00" }])).toBe(true);
        fc.pre(from !== to);
        expect(isWithin(at, [{ from, to }])).toBe(!isWithin(at, [{ from: to, to: from }]));
      }),
    );
  });

  test("the clock is the machine's, unless the configuration says another", async () => {
    const props = await movingTo("san");
    expect(await refusals(hours, props)).toEqual([]);
    expect(await refusals(hours, props, { allowed: [] })).toEqual([expect.stringContaining("allowed: no hours")]);
    expect(await refusals(hours, props, { allowed: night, now: "2026-01-05T23:00:00Z" })).toEqual([]);
    expect(await refusals(hours, props, { allowed: night, now: "2026-01-05T12:00:00Z" })).toEqual([
      "radar: ams → san is refused by the rule hours: it is Mon 12:00 UTC; allowed: 22:00–04:00",
    ]);
  });
});

test("no rule for moves judges a VM that stands", async () => {
  const props = await standingAt("san");
  for (const rule of [encryption, bandwidthCap, hours]) {
    expect(await refusals(rule, props, { maxMbps: 1, allowed: [] })).toEqual([]);
  }
});
