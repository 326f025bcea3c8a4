import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { PathConstraints } from "../../../provider/aaa/wire.ts";
import { DracLightpath } from "../../../provider/lightpath/drac/client.ts";
import type { Connection, ReserveRequest } from "../../../provider/lightpath/drac/wire.ts";
import { lightpathState } from "../../../provider/resources/lightpath/inputs.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, windowIn, wishFor } from "../../domain/agents.ts";
import { TOPOLOGY } from "../../domain/testbed.ts";
import { hourOn, lightpathOf } from "./declared.ts";

const OVER_TRANSIT = ["ams.example", "transit.example", "san.example"];
const STRAIGHT = ["ams.example", "san.example"];
const WINDOW = hourOn(0, 2);

const link = (id: string, [a, b]: readonly string[], delayMs: number) => ({
  ...{ id, a: { domain: `${a}.example`, port: id }, b: { domain: `${b}.example`, port: id } },
  ...{ capacityMbps: 1_000, channels: 4, delayMs },
});
/**
 * From ams to transit by near or far, which lie in one duct, or round about; on from there by span or spare; or straight on, by
 * either of two, which is the fastest.
 */
const LINKS = [
  ...TOPOLOGY.links.map((one) => (one.id === "span" ? one : { ...one, riskGroups: ["duct"] })),
  link("round", ["ams", "transit"], 40),
  link("spare", ["transit", "san"], 110),
  link("straight", ["ams", "san"], 60),
  link("beside", ["ams", "san"], 70),
];
const AROUND = { avoidLinks: ["straight", "beside"] };

let domains: Domains;
let path: ReturnType<typeof lightpathOf>;
beforeAll(async () => {
  domains = await startDomains((config) => ({ ...config, topology: { ...TOPOLOGY, links: LINKS } }));
  path = lightpathOf(domains);
});
afterAll(async () => {
  await path.rest();
  await domains.end();
});
afterEach(async () => await path.clear());

const granted = async (constraints?: PathConstraints) =>
  path.reference(await path.grant({ start: hourOn(0, 0).start, end: hourOn(3, 0).end }, constraints));
const byLinks = async () => {
  const [grant, protectingGrant] = [await granted(AROUND), await granted(AROUND)];
  return path.declared({ window: WINDOW, protection: "links", grant, protectingGrant });
};
const byDomains = async () =>
  path.declared({
    ...{ window: WINDOW, protection: "domains", grant: await granted({ includeDomains: ["transit.example"] }) },
    protectingGrant: await granted({ avoidDomains: ["transit.example"] }),
  });

type Reserved = Promise<Connection>;

/** The domain's own, but for what is done about the second reservation. */
class Second extends DracLightpath {
  readonly #instead: (request: ReserveRequest, reserve: (request: ReserveRequest) => Reserved) => Reserved;
  #asked = 0;

  constructor(instead: (request: ReserveRequest, reserve: (request: ReserveRequest) => Reserved) => Reserved) {
    super(domains.bed.records["ams.example"], domains.bed.clients.alice);
    this.#instead = instead;
  }

  override async reserve(request: ReserveRequest, token: string): Reserved {
    this.#asked += 1;
    if (this.#asked === 1) return await super.reserve(request, token);
    return await this.#instead(request, (changed) => super.reserve(changed, token));
  }
}

async function made(declared: object) {
  const { id, inputs, outs } = await path.make({ ...declared });
  const state = lightpathState.parse(outs);
  const ids = [state.connectionId, state.protecting?.connectionId ?? ""] as const;
  return { id, inputs, outs: state, ids };
}
const refreshed = async (id: string, props: object) => {
  const read = await path.resource.read({ id, props: { ...props } });
  return { ...read, state: lightpathState.safeParse(read.props).data };
};
const terminate = async (id: string) => await domains.drac("ams.example").terminate(id);
const portsOf = ({ segments }: Connection) => segments.slice(1).map((part) => part.in.port);
/** By the ports at which each of these, and nothing else stands, enters a domain. */
async function waysTaken(ids: readonly string[]) {
  const all = await path.standing();
  expect(all.map(({ connectionId }) => connectionId).sort()).toEqual([...ids].sort());
  return ids.map((id) => all.filter(({ connectionId }) => connectionId === id).flatMap(portsOf));
}
/** Reserved for another VM, so that too little is left of the links on its way. */
async function taken(constraints: PathConstraints) {
  const wish = wishFor({ bandwidthMbps: 600, window: WINDOW, vm: "other", constraints });
  const aaa = domains.aaa("ams.example");
  const { jwt } = await aaa.requestGrant({ ...grantFor(wish), constraints });
  const { token } = await aaa.mintToken({ ...tokenRequestFor(wish), grant: jwt });
  return await domains.drac("ams.example").reserve(wish, token);
}

test("by links shares no link and no risk group, over the domains of its grants", async () => {
  const { id, inputs, outs, ids } = await made(await byLinks());
  expect(outs).toMatchObject({ state: "reserved", hops: OVER_TRANSIT, rttMs: 200, reserved: WINDOW });
  expect(outs.protecting).toMatchObject({ state: "reserved", hops: OVER_TRANSIT, rttMs: 300 });
  expect(await waysTaken(ids)).toEqual([
    ["west", "west"],
    ["round", "spare"],
  ]);
  expect(path.narrator.lines.at(-1)).toBe(
    `info: radar: 600 Mbps reserved between ams and san by two ways until ${WINDOW.end} (${ids[0]}, protected by ${ids[1]})`,
  );
  expect((await refreshed(id, outs)).state).toEqual(outs);
  expect(await path.resource.diff({ id, olds: outs, news: inputs })).toMatchObject({ changes: false });
  await path.resource.delete({ id, props: outs });
  expect(await path.standing()).toEqual([]);
});

test("by links needs no second grant where one is for the rate of both", async () => {
  const { protectingGrant: _, ...once } = await byLinks();
  await expect(made(once)).rejects.toThrow(
    /^radar has no second way beside .*the grant does not cover another 600 Mbps.*Given back: /,
  );
  expect(await path.standing()).toEqual([]);
  const { outs } = await made({ ...once, bandwidthMbps: 300 });
  expect(outs).toMatchObject({ state: "reserved", protecting: { state: "reserved" } });
});

test("by domains shares none between the sites, under a grant for each way", async () => {
  const { id, outs, ids } = await made({
    ...(await byDomains()),
    constraints: { includeDomains: ["transit.example"] },
  });
  expect(outs).toMatchObject({ hops: OVER_TRANSIT, protecting: { hops: STRAIGHT, rttMs: 120, state: "reserved" } });
  expect(await waysTaken(ids)).toEqual([["west", "west"], ["straight"]]);
  await path.resource.delete({ id, props: outs });
  expect(await path.standing()).toEqual([]);
});

test("by domains has its working way over those of its grant, whichever is the faster", async () => {
  const { grant, protectingGrant, ...rest } = await byDomains();
  const slow = await made({ ...rest, grant, protectingGrant });
  expect(slow.outs).toMatchObject({ hops: OVER_TRANSIT, protecting: { hops: STRAIGHT } });
  await path.clear();
  const { outs } = await made({ ...rest, grant: protectingGrant, protectingGrant: grant });
  expect(outs).toMatchObject({ hops: STRAIGHT, protecting: { hops: OVER_TRANSIT } });
});

test("is refused, and nothing reserved, when both grants are for the same domains", async () => {
  const grant = await granted({ includeDomains: ["transit.example"] });
  await expect(made({ ...(await byDomains()), protectingGrant: grant })).rejects.toThrow(
    'lead both over transit.example (input.invalid). Declare the second AuthToken with constraints: {avoidDomains: ["transit.example"]}',
  );
  expect(await path.standing()).toEqual([]);
});

test("is refused, and nothing reserved, when there is no room for a second way: when there is next is told", async () => {
  const other = await taken({ avoidLinks: ["span", ...AROUND.avoidLinks] });
  await expect(made(await byLinks())).rejects.toThrow(
    `No two ways apart have 600 Mbps free from ${WINDOW.start} to ${WINDOW.end} (domain.refused). Ask for ${hourOn(0, 3).start} to ${hourOn(0, 3).end}`,
  );
  expect((await path.standing()).map(({ connectionId }) => connectionId)).toEqual([other.connectionId]);
});

test("leaves nothing reserved when the second way would share a link with the first after all", async () => {
  const careless = lightpathOf(
    domains,
    () => new Second((request, reserve) => reserve({ ...request, constraints: {} })),
  );
  const { inputs } = await path.resource.check({ olds: {}, news: { ...(await byLinks()), bandwidthMbps: 300 } });
  await expect(careless.resource.create({ inputs })).rejects.toThrow(
    /^radar has no second way beside .*: Both ways lead through ams.example:east, .*\. Given back: /,
  );
  expect(await path.standing()).toEqual([]);
  await careless.rest();
});

test("says what may stay reserved when it cannot be given back", async () => {
  const dying = lightpathOf(
    domains,
    () =>
      new Second(async (request, reserve) => {
        await domains.stop("ams.example");
        return await reserve(request);
      }),
  );
  const { inputs } = await path.resource.check({ olds: {}, news: await byLinks() });
  const failed = dying.resource.create({ inputs });
  await expect(failed).rejects.toThrow(
    new RegExp(`Not given back: .* may stay reserved until ${WINDOW.end} .*let the domain's operator end it`),
  );
  await expect(failed).rejects.toMatchObject({ code: "domain.unreachable", retry: "unsafe" });
  await domains.start("ams.example");
  await dying.rest();
});

test("puts the protecting way in the place of a working one that is gone, and asks for protection anew", async () => {
  const { id, inputs, outs, ids } = await made(await byLinks());
  await terminate(ids[0]);
  const { state } = await refreshed(id, outs);
  expect(path.narrator.lines.at(-1)).toBe(
    `warn: radar: ${ids[0]} is gone, ${ids[1]} takes its place: protection is lost, and is had again by the next \`pulumi up\`.`,
  );
  expect(state).toMatchObject({ connectionId: ids[1], state: "reserved", rttMs: 300, reserved: WINDOW });
  expect(state).not.toHaveProperty("protecting");
  expect(await path.resource.diff({ id, olds: { ...state }, news: inputs })).toEqual({
    ...{ changes: true, replaces: ["protecting"], deleteBeforeReplace: true },
  });
  // It stands for itself from then on, until it is gone too.
  expect((await refreshed(id, { ...state })).state).toEqual(state);
  await path.resource.delete({ id, props: { ...state } });
  expect(await path.standing()).toEqual([]);
  expect((await refreshed(id, { ...state })).id).toBeUndefined();
});

test("keeps its working way when the protecting one is gone, and asks for protection anew", async () => {
  const { id, inputs, outs, ids } = await made(await byLinks());
  await terminate(ids[1]);
  const { state } = await refreshed(id, outs);
  expect(path.narrator.lines.at(-1)).toMatch(new RegExp(`^warn: radar: ${ids[1]} is gone: protection is lost`));
  expect(state).toMatchObject({ connectionId: ids[0], state: "reserved" });
  expect(await path.resource.diff({ id, olds: { ...state }, news: inputs })).toMatchObject({
    replaces: ["protecting"],
  });
  await terminate(ids[0]);
  expect((await refreshed(id, { ...state })).id).toBeUndefined();
});

test("on demand is had from now on, and is gone when both of its ways are", async () => {
  const now = path.reference(await path.grant(windowIn(0, 1_800), AROUND));
  const { id, outs, ids } = await made(path.declared({ protection: "links", grant: now, bandwidthMbps: 300 }));
  expect(outs.reserved.end).toBe(now.window.end);
  for (const one of ids) await terminate(one);
  expect((await refreshed(id, outs)).id).toBeUndefined();
});

test("is named whole by a deletion that its domain does not answer", async () => {
  const { id, outs, ids } = await made(await byLinks());
  await domains.stop("ams.example");
  await expect(path.resource.delete({ id, props: outs })).rejects.toThrow(
    `The lightpath of radar is not all given back: ${ids.join(", ")} could not be given back: ams.example`,
  );
  await domains.start("ams.example");
});
