import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TimeWindow } from "../../provider/aaa/wire.ts";
import type { SeriesRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, startDomains, wishFor } from "./agents.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const tomorrow = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
const at = (day: number, hour: number) => new Date(tomorrow + day * DAY_MS + hour * HOUR_MS).toISOString();

describe("a reservation that comes again", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains();
  });
  afterAll(async () => await domains.end());

  const nightly = (times: number, bandwidthMbps = 600): SeriesRequest => ({
    reservation: wishFor({ bandwidthMbps, window: { start: at(0, 2), end: at(0, 3) }, vm: "nightly" }),
    recurrence: { every: "daily", times, timeZone: "UTC" },
  });
  /** For all of a series. */
  const tokenFor = async ({ reservation }: SeriesRequest, days: number) =>
    await domains.tokenFor({ ...reservation, window: { start: at(0, 2), end: at(days, 3) } });
  /** For one of its times. */
  const tokenAt = async (window: TimeWindow) => await domains.tokenFor({ ...nightly(1).reservation, window });
  const standing = async () =>
    (await domains.drac("ams.example").list()).filter(({ state }) => state === "reserved" || state === "held");

  it("is reserved every time, and each time is given back for itself", async () => {
    const drac = domains.drac("ams.example");
    const all = await drac.reserveSeries(nightly(4), await tokenFor(nightly(4), 4), tokenAt);
    expect(all.map(({ state, window }) => [state, window.start])).toEqual(
      [0, 1, 2, 3].map((day) => ["reserved", at(day, 2)]),
    );
    const [, second] = all;
    await drac.terminate(second?.connectionId ?? "");
    const wish = wishFor({ bandwidthMbps: 900, window: { start: at(1, 2), end: at(1, 3) }, vm: "other" });
    const { connectionId } = await drac.reserve(wish, await domains.tokenFor(wish));
    for (const id of [connectionId, ...all.map((one) => one.connectionId)]) await drac.terminate(id);
    expect(await standing()).toEqual([]);
  });

  it("is not reserved at all if one time is taken: which, and when there is room instead, is told", async () => {
    const drac = domains.drac("ams.example");
    const other = wishFor({ bandwidthMbps: 600, window: { start: at(2, 2), end: at(2, 3) }, vm: "other" });
    const { connectionId } = await drac.reserve(other, await domains.tokenFor(other));
    const refused = drac.reserveSeries(nightly(4), await tokenFor(nightly(4), 4), tokenAt);
    await expect(refused).rejects.toThrow(
      new RegExp(`of the occurrence at ${at(2, 2)}: .*Ask for ${at(2, 3)} to ${at(2, 4)}, the next time that is free`),
    );
    expect((await standing()).map((one) => one.connectionId)).toEqual([connectionId]);
    await drac.terminate(connectionId);
  });

  it("needs a token that covers every time", async () => {
    const drac = domains.drac("ams.example");
    await expect(drac.reserveSeries(nightly(4), await tokenFor(nightly(4), 2), tokenAt)).rejects.toThrow(
      /of the occurrence at .*: the token does not cover this/,
    );
    expect(await standing()).toEqual([]);
  });
});
