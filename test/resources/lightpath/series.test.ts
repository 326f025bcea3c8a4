import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { lightpathState } from "../../../provider/resources/lightpath/inputs.ts";
import { type Domains, startDomains, wishFor } from "../../domain/agents.ts";
import { hourOn, lightpathOf } from "./declared.ts";

const RECURRENCE = { every: "daily", times: 3, timeZone: "UTC" };
const TIMES = [hourOn(0, 2), hourOn(1, 2), hourOn(2, 2)];
const GRANTED = { start: hourOn(0, 0).start, end: hourOn(3, 0).end };

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
afterEach(async () => {
  vi.useRealTimers();
  await path.clear();
});

const nightly = async () =>
  path.declared({
    ...{ window: TIMES[0], recurrence: RECURRENCE, grant: path.reference(await path.grant(GRANTED)) },
  });

async function made() {
  const { id, inputs, outs } = await path.make(await nightly());
  const state = lightpathState.parse(outs);
  return { id, inputs, outs: state, ids: state.occurrences?.map(({ connectionId }) => connectionId) ?? [] };
}
const refreshed = async (id: string, props: object) => {
  const read = await path.resource.read({ id, props: { ...props } });
  return { ...read, state: lightpathState.safeParse(read.props).data };
};
/** Only the clock: sockets and timers go on. What the agents, in this process, say is of that time too. */
const itIs = (moment: string) => vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(moment) });

test("is reserved every time, is first what comes first, and is all given back", async () => {
  const { id, inputs, outs, ids } = await made();
  expect(outs.occurrences?.map(({ window, state }) => ({ window, state }))).toEqual(
    TIMES.map((window) => ({ window, state: "reserved" })),
  );
  expect((await path.standing()).map(({ connectionId }) => connectionId).sort()).toEqual([...ids].sort());
  expect(outs).toMatchObject({ connectionId: ids[0], state: "reserved", reserved: TIMES[0], rttMs: 200 });
  expect(outs.hops).toEqual(["ams.example", "transit.example", "san.example"]);
  expect(path.narrator.lines.at(-1)).toBe(
    `info: radar: 600 Mbps reserved between ams and san 3 times, until ${TIMES[2]?.end}`,
  );
  expect(await path.resource.diff({ id, olds: outs, news: inputs })).toMatchObject({ changes: false });
  const { state } = await refreshed(id, outs);
  expect(state).toEqual(outs);
  await path.resource.delete({ id, props: outs });
  expect(await path.standing()).toEqual([]);
});

test("is not reserved at all when one of its times is taken", async () => {
  const other = wishFor({ bandwidthMbps: 600, window: hourOn(1, 2), vm: "other" });
  const taken = await domains.drac("ams.example").reserve(other, await domains.tokenFor(other));
  await expect(made()).rejects.toThrow(`of the occurrence at ${TIMES[1]?.start}`);
  expect((await path.standing()).map(({ connectionId }) => connectionId)).toEqual([taken.connectionId]);
  await domains.drac("ams.example").terminate(taken.connectionId);
});

test("needs a grant that lasts until its last time is over", async () => {
  const grant = path.reference(await path.grant({ ...GRANTED, end: hourOn(2, 1).end }));
  await expect(path.make({ ...(await nightly()), grant })).rejects.toThrow(
    `of the occurrence at ${TIMES[2]?.start}: the token does not cover this: it ends at`,
  );
  expect(await path.standing()).toEqual([]);
});

test("is the next of its times when one is past, which is no difference", async () => {
  const { id, inputs, outs, ids } = await made();
  itIs(hourOn(0, 3).start);
  const told = path.narrator.lines.length;
  const { state } = await refreshed(id, outs);
  expect(state).toMatchObject({ connectionId: ids[1], state: "reserved", reserved: TIMES[1] });
  expect(state?.occurrences).toEqual([
    { connectionId: ids[0], window: TIMES[0], state: "terminated" },
    ...[1, 2].map((n) => ({ connectionId: ids[n], window: TIMES[n], state: "reserved" })),
  ]);
  expect(path.narrator.lines.slice(told)).toEqual([]);
  expect(await path.resource.diff({ id, olds: { ...state }, news: inputs })).toMatchObject({ changes: false });
  itIs(hourOn(1, 2).start);
  expect((await refreshed(id, { ...state })).state).toMatchObject({ connectionId: ids[1] });
  itIs(hourOn(5, 0).start);
  const over = await refreshed(id, { ...state });
  expect(over.id).toBe(id);
  expect(over.state).toMatchObject({ connectionId: ids[1], state: "terminated" });
  expect(path.narrator.lines.at(-1)).toBe("warn: No time of the lightpath of radar is left to come.");
  expect(await path.resource.diff({ id, olds: { ...over.state }, news: inputs })).toMatchObject({ changes: false });
  await domains.stop("ams.example");
  // Nothing of it is left to give back, so nobody is asked.
  await path.resource.delete({ id, props: { ...over.state } });
  vi.useRealTimers();
  await domains.start("ams.example");
  await path.resource.delete({ id, props: outs });
  expect(await path.standing()).toEqual([]);
});

test("tells of a time that somebody ended, and is gone when all were", async () => {
  const { id, inputs, outs, ids } = await made();
  const end = async (n: number) => await domains.drac("ams.example").terminate(ids[n] ?? "");
  await end(0);
  const { state } = await refreshed(id, outs);
  const [{ start, end: until } = hourOn(0, 2)] = TIMES;
  const gone = `warn: radar: ${ids[0]}, reserved from ${start} to ${until}, is gone: somebody ended it.`;
  expect(path.narrator.lines.at(-1)).toBe(gone);
  expect(state).toMatchObject({ connectionId: ids[1], reserved: TIMES[1] });
  expect(state?.occurrences?.[0]).toEqual({ ...outs.occurrences?.[0], state: "terminated", lost: true });
  expect(await path.resource.diff({ id, olds: { ...state }, news: inputs })).toMatchObject({ changes: false });
  // It is told once.
  const told = path.narrator.lines.length;
  expect((await refreshed(id, { ...state })).state).toEqual(state);
  expect(path.narrator.lines.slice(told)).toEqual([]);
  await Promise.all([end(1), end(2)]);
  expect((await refreshed(id, { ...state })).id).toBeUndefined();
  // Had one of them gone by in peace, it would be over, not gone.
  const [first, ...rest] = outs.occurrences ?? [];
  const past = { ...outs, occurrences: [{ ...first, state: "terminated" }, ...rest] };
  expect((await refreshed(id, past)).id).toBe(id);
  await expect(path.resource.update({ id, olds: { ...state }, news: inputs })).rejects.toThrow("is no more");
});

test("is kept as recorded when its domain is silent, and deletion names what was not given back", async () => {
  const { id, outs, ids } = await made();
  await domains.stop("ams.example");
  expect((await refreshed(id, outs)).state).toEqual(outs);
  expect(path.narrator.lines.at(-1)).toMatch(
    /^warn: Lightpath .* was not checked and is kept as recorded: ams.example/,
  );
  itIs(hourOn(0, 3).start);
  const named = [1, 2].map((n) => `${ids[n]} \\(from ${TIMES[n]?.start} to ${TIMES[n]?.end}\\)`).join(", ");
  await expect(path.resource.delete({ id, props: outs })).rejects.toThrow(
    new RegExp(
      `^The lightpath of radar is not all given back: ${named} could not be given back: ams.example .*pulumi state delete`,
    ),
  );
  vi.useRealTimers();
  await domains.start("ams.example");
  await path.resource.delete({ id, props: outs });
  expect(await path.standing()).toEqual([]);
});
