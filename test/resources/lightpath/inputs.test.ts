import { expect, test } from "vitest";
import type { Properties } from "../../../provider/resource.ts";
import { lightpathResource } from "../../../provider/resources/lightpath.ts";
import { UNKNOWN } from "../../../provider/resources/unknowns.ts";
import { composed, lightpathDeclared, window } from "../declarations.ts";

const resource = lightpathResource(composed());
const recurrence = { every: "weekly", times: 4, timeZone: "Europe/Amsterdam" };
const { grant } = lightpathDeclared;
const recastTo = (bandwidthMbps: unknown) => ({ afterUse: { recast: { bandwidthMbps } } });
/** As it is in the preview in which it is declared. */
const unsigned = { ...Object(grant), id: UNKNOWN, jwt: UNKNOWN };
const elsewhere = { ...unsigned, home: { ...Object(grant).home, name: "san.example" } };

test.each<[string, Properties, string, RegExp]>([
  ["a recurrence without a window", { recurrence }, "recurrence", /^needs a window/],
  ["one of nowhere", { window, recurrence: { ...recurrence, timeZone: "Ams" } }, "recurrence.timeZone", /time zone/],
  ["one time", { window, recurrence: { ...recurrence, times: 1 } }, "recurrence.times", /2/],
  [
    "a recurrence with protection",
    { window, recurrence, protection: "links" },
    "protection",
    /combined with recurrence/,
  ],
  [
    "domains apart under one grant",
    { protection: "domains" },
    "protectingGrant",
    /^is required by protection: "domains"/,
  ],
  ["a use of an unknown kind", { afterUse: "keep" }, "afterUse", /^must be "release" or \{recast: /],
  ["a re-cast to nothing", recastTo(0), "afterUse.recast.bandwidthMbps", />0/],
  ["a re-cast to all of it", recastTo(900), "afterUse.recast.bandwidthMbps", /^must be less than bandwidthMbps/],
  ["a grant for nothing", { protectingGrant: unsigned }, "protection", /^is required where/],
  [
    "two homes",
    { protection: "domains", protectingGrant: elsewhere },
    "protectingGrant.home",
    /^must be the home of the grant/,
  ],
])("%s: refused in preview", async (_, changes, property, reason) => {
  const { failures } = await resource.check({ olds: {}, news: { ...lightpathDeclared, ...changes } });
  expect(failures).toEqual([{ property, reason: expect.stringMatching(reason) }]);
});

test.each<Properties>([
  { window, recurrence },
  { window: UNKNOWN, recurrence },
  { window, recurrence: { ...recurrence, timeZone: UNKNOWN } },
  { protection: "links" },
  { protection: "links", protectingGrant: unsigned },
  { protection: "domains", protectingGrant: unsigned },
  { protection: "domains", protectingGrant: { ...elsewhere, home: { ...elsewhere.home, name: UNKNOWN } } },
  {
    protection: "domains",
    protectingGrant: unsigned,
    grant: { ...elsewhere, home: { ...elsewhere.home, name: UNKNOWN } },
  },
  { protection: "domains", protectingGrant: UNKNOWN },
  { protection: UNKNOWN },
  recastTo(899),
  recastTo(UNKNOWN),
  { afterUse: UNKNOWN },
  { ...recastTo(1_000), bandwidthMbps: UNKNOWN },
])("%j: admitted", async (changes) => {
  const { failures } = await resource.check({ olds: {}, news: { ...lightpathDeclared, ...changes } });
  expect(failures).toEqual([]);
});

test.each(["recurrence", "protection"])("another %s is another reservation", async (key) => {
  const declared = { ...lightpathDeclared, window, [key]: key === "protection" ? "links" : recurrence };
  const { inputs } = await resource.check({ olds: {}, news: declared });
  const { [key]: _, ...without } = inputs;
  const { replaces } = await resource.diff({ id: "c1", olds: { ...inputs, protecting: {} }, news: without });
  expect(replaces).toEqual([key]);
});

test("what becomes of it after a move is changed where it is", async () => {
  const { inputs } = await resource.check({ olds: {}, news: lightpathDeclared });
  expect(inputs.afterUse).toBe("release");
  const { inputs: news } = await resource.check({ olds: inputs, news: { ...lightpathDeclared, ...recastTo(100) } });
  expect(await resource.diff({ id: "c1", olds: inputs, news })).toMatchObject({ changes: true, replaces: [] });
});

test("two ways under another second grant stay the same reservations, and without a second way are none", async () => {
  const declared = { ...lightpathDeclared, protection: "domains", protectingGrant: grant };
  const { inputs } = await resource.check({ olds: {}, news: declared });
  const another = { ...inputs, protectingGrant: unsigned };
  const protecting = { connectionId: "c2" };
  expect(await resource.diff({ id: "c1", olds: { ...inputs, protecting }, news: another })).toMatchObject({
    ...{ changes: true, replaces: [] },
  });
  expect(await resource.diff({ id: "c1", olds: inputs, news: inputs })).toMatchObject({
    ...{ changes: true, replaces: ["protecting"] },
  });
});
