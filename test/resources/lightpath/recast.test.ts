import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { lightpathState } from "../../../provider/resources/lightpath/inputs.ts";
import { type Domains, startDomains, tokenRequestFor, windowIn, wishFor } from "../../domain/agents.ts";
import { lightpathOf } from "./declared.ts";

const AFTER_USE = { recast: { bandwidthMbps: 50 } };

let domains: Domains;
let path: ReturnType<typeof lightpathOf>;
beforeAll(async () => {
  domains = await startDomains();
  path = lightpathOf(domains);
});
afterAll(async () => {
  await path.rest();
  await domains.end();
});
afterEach(async () => await path.clear());

const drac = () => domains.drac("ams.example");

async function made() {
  const grant = path.reference(await path.grant(windowIn(0, 3_600)));
  const { id, inputs, outs } = await path.make(path.declared({ grant, hours: 0.5, afterUse: AFTER_USE }));
  const state = lightpathState.parse(outs);
  /** As a controller does it for a move. */
  const token = async (bandwidthMbps: number) => {
    const wish = wishFor({ bandwidthMbps, window: state.reserved });
    return (await domains.aaa("ams.example").mintToken({ ...tokenRequestFor(wish), grant: grant.jwt })).token;
  };
  const carries = async (bandwidthMbps: number) =>
    await drac().modify(id, { vm: "radar", bandwidthMbps }, await token(bandwidthMbps));
  return { id, inputs, outs: state, carries, lit: async () => await drac().provision(id, await token(600)) };
}

async function refreshed(id: string, outs: object) {
  const { props, inputs } = await path.resource.read({ id, props: { ...outs } });
  return { props, inputs, state: lightpathState.parse(props) };
}

test("is reserved at its full rate, dark, until its first use", async () => {
  const { id, inputs, outs } = await made();
  expect(outs).toMatchObject({ state: "reserved", carriesMbps: 600, bandwidthMbps: 600, afterUse: AFTER_USE });
  expect((await refreshed(id, outs)).state).toEqual(outs);
  expect(await path.resource.diff({ id, olds: outs, news: inputs })).toMatchObject({ changes: false });
});

test("is told with what it carries, lit or dark, whoever changed it, and stays the same reservation", async () => {
  const { id, inputs, outs, carries, lit } = await made();
  await lit();
  await carries(50);
  const recast = await refreshed(id, outs);
  expect(recast.state).toMatchObject({ state: "provisioned", carriesMbps: 50, bandwidthMbps: 600 });
  expect(recast.inputs).toEqual(inputs);
  expect(await path.resource.diff({ id, olds: recast.props, news: inputs })).toMatchObject({ changes: false });
  expect((await refreshed(id, recast.props)).state).toEqual(recast.state);
  await carries(300);
  await drac().release(id);
  expect((await refreshed(id, recast.props)).state).toMatchObject({ state: "reserved", carriesMbps: 300 });
  await drac().terminate(id);
  expect(await path.resource.read({ id, props: { ...outs } })).toMatchObject({ id: undefined });
});

test("is given back while it is lit with less", async () => {
  const { id, outs, carries, lit } = await made();
  await lit();
  await carries(50);
  await path.resource.delete({ id, props: outs });
  expect(await path.standing()).toEqual([]);
});
