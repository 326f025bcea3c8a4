import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Properties } from "../../provider/resource.ts";
import { authTokenResource } from "../../provider/resources/auth-token.ts";
import { vmPlacementResource } from "../../provider/resources/vm-placement.ts";
import { type Domains, startDomains, windowIn } from "../domain/agents.ts";
import { AMS, type Name, SAN } from "../domain/testbed.ts";
import { composed, listener, placementAt, siteNamed } from "./declarations.ts";

let domains: Domains;
const narrator = listener();

beforeAll(async () => {
  domains = await startDomains();
});
afterAll(async () => await domains.end());

const context = () => {
  const { id, key } = domains.bed.clients.alice;
  return composed({ callerId: id, callerKey: key }, narrator);
};
const grants = () => authTokenResource(context());
const homeOf = (name: Name): Properties => ({ ...domains.bed.records[name] });
const declared = (changes: Properties = {}): Properties => ({
  between: [
    { name: "ams", stp: AMS },
    { name: "san", stp: SAN },
  ],
  ...{ bandwidthMbps: 600, window: windowIn(0, 3_600), vm: "radar", home: homeOf("ams.example"), ...changes },
});

/** Declares a grant, as `up` does; resolves with what stands in the state. */
async function made(inputs: Properties) {
  const { id, outs } = await grants().create({ inputs });
  return { id, outs, inputs };
}

test("is given ahead by every domain for a pair of sites, and serves moves of that VM both ways", async () => {
  const { id, outs } = await made(declared());
  expect(outs).toMatchObject({
    grantId: id,
    state: "active",
    domains: ["ams.example", "transit.example", "san.example"],
  });
  const grant = { id, jwt: outs.grant, home: homeOf("ams.example"), window: outs.window };
  const stps = { ams: AMS, san: SAN };
  const at = (site: "ams" | "san", change: Properties = {}) => {
    const lightpath = { kind: "on-demand", bandwidthMbps: 600 };
    return placementAt(site, { location: { ...siteNamed(site), stp: stps[site] }, lightpath, grant, ...change });
  };
  const placements = vmPlacementResource(context());
  const said = async (olds: Properties, news: Properties) => (await placements.check({ olds, news })).failures;
  expect(await said(at("ams"), at("san"))).toEqual([]);
  expect(await said(at("san"), at("ams"))).toEqual([]);
  expect(await said(at("ams", { name: "sonar" }), at("san", { name: "sonar" }))).toEqual([
    { property: "grant", reason: "must cover the move ams → san: it is for the VM radar, not for sonar" },
  ]);
  await grants().delete({ id, props: outs });
});

test("is seen to be revoked, and is then asked for anew", async () => {
  const { id, outs, inputs } = await made(declared({ window: windowIn(86_400, 3_600) }));
  expect((await grants().read({ id, props: outs })).props).toEqual(outs);
  await domains.aaa("ams.example").revokeGrant(id);
  const { props } = await grants().read({ id, props: outs });
  expect(props).toEqual({ ...outs, state: "revoked" });
  expect(narrator.lines.at(-1)).toBe(`warn: Grant ${id} for radar is revoked.`);
  expect(await grants().diff({ id, olds: props, news: inputs })).toMatchObject({ changes: true, replaces: ["state"] });
});

test("that has run out is no difference", async () => {
  const { id, outs, inputs } = await made(declared({ window: windowIn(0, 2) }));
  await sleep(2_500);
  const { props } = await grants().read({ id, props: outs });
  expect(props).toEqual({ ...outs, state: "expired" });
  expect(await grants().diff({ id, olds: props, news: inputs })).toMatchObject({ changes: false });
});

test("is worth nothing anywhere once it is deleted, and what a domain does not know is gone", async () => {
  const { id, outs } = await made(declared());
  await grants().delete({ id, props: outs });
  expect((await grants().read({ id, props: outs })).props).toMatchObject({ state: "revoked" });
  const unknown = { ...outs, home: homeOf("san.example") };
  expect(await grants().read({ id, props: unknown })).toEqual({ id: undefined, props: {}, inputs: {} });
});
