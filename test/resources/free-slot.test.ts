import { afterAll, beforeAll, expect, test } from "vitest";
import { lightpathResource } from "../../provider/resources/lightpath.ts";
import { UNKNOWN } from "../../provider/resources/unknowns.ts";
import { type Domains, grantFor, startDomains, wishFor } from "../domain/agents.ts";
import { AMS, SAN } from "../domain/testbed.ts";
import { composed, listener } from "./declarations.ts";

const HOUR_MS = 3_600_000;
/** Tomorrow, from an hour of the day (UTC) for an hour. */
const tomorrow = (hour: number) => {
  const midnight = (Math.floor(Date.now() / (24 * HOUR_MS)) + 1) * 24 * HOUR_MS;
  const at = (ms: number) => new Date(ms).toISOString();
  return { start: at(midnight + hour * HOUR_MS), end: at(midnight + (hour + 1) * HOUR_MS) };
};

let domains: Domains;
beforeAll(async () => {
  domains = await startDomains();
});
afterAll(async () => await domains.end());

test("a reservation that competes with another is told the next free slot, in preview and when it is refused", async () => {
  const window = tomorrow(2);
  const first = wishFor({ bandwidthMbps: 600, window, vm: "first" });
  await domains.drac("ams.example").reserve(first, await domains.tokenFor(first));
  const { id, key } = domains.bed.clients.alice;
  const narrator = listener();
  const composition = composed({ callerId: id, callerKey: key }, narrator);
  const resource = lightpathResource(composition);
  const grant = await domains.aaa("ams.example").requestGrant(grantFor({ ...first, bandwidthMbps: 900, vm: "second" }));
  const end = (name: string, stp: string) => ({ name, stp, siteKey: "SHA256:0123456789" });
  const declared = (rate: number) => ({
    ...{ between: [end("ams", AMS), end("san", SAN)], bandwidthMbps: rate, window, vm: "second" },
    grant: { id: grant.id, jwt: grant.jwt, home: domains.bed.records["ams.example"], window },
  });
  const said = async (olds: object, news: object) => {
    const before = narrator.lines.length;
    const { failures } = await resource.check({ olds: { ...olds }, news: { ...news } });
    expect(failures).toEqual([]);
    return narrator.lines.slice(before);
  };
  const { start, end: until } = tomorrow(3);
  const next = `next free for as long from ${start} to ${until}`;
  const taken = `warn: second: 900 Mbps between ams and san are not free from ${window.start} to ${window.end}`;
  // In a preview the grant is there in name only.
  const unsigned = { ...declared(900).grant, id: UNKNOWN, jwt: UNKNOWN };
  expect(await said({}, { ...declared(900), grant: unsigned })).toEqual([`${taken}: ${next}`]);
  expect(await said({}, declared(400))).toEqual([]);
  expect(await said({}, { ...declared(900), window: UNKNOWN })).toEqual([]);
  // What is reserved already is not asked for again.
  const reserved = (await resource.check({ olds: {}, news: declared(900) })).inputs;
  expect(await said(reserved, reserved)).toEqual([]);
  await expect(resource.create({ inputs: declared(900) })).rejects.toThrow(
    `Ask for ${start} to ${until}, the next time that is free for as long.`,
  );
  await domains.stop("transit.example");
  const [silent] = await said({}, declared(900));
  expect(silent).toMatch(/^warn: second: 900 Mbps .* not known whether they are free .*transit.example/);
  await composition.rest();
});
