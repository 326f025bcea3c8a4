import { expect, test } from "vitest";
import { Clearings } from "../../provider/controller/clearings.ts";
import { type ErrorCode, type Retry, TurntableError } from "../../provider/errors.ts";

const error = (code: ErrorCode, retry: Retry = "safe") => new TurntableError(code, "no room", { retry, next: "Wait." });
/** Refuses so often, then gives; `asked` tells whether each was the first time. */
function lender(refusals: number, thrown = error("domain.refused")) {
  const asked: boolean[] = [];
  const ask = async (again: boolean) => {
    asked.push(again);
    if (asked.length <= refusals) throw thrown;
    return "given";
  };
  return { ask, asked };
}
const unwaited = (why: string) => expect.unreachable(why);

test("what is refused while others clear up is asked for again each time one of them is done", async () => {
  const clearings = new Clearings(0);
  const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const both = [one, two].map(({ promise }) => clearings.during(() => promise));
  const { ask, asked } = lender(2);
  const told: string[] = [];
  const insisting = clearings.insist(ask, (why) => void told.push(why));
  await expect.poll(() => asked).toEqual([false]);
  one.resolve();
  await expect.poll(() => asked).toEqual([false, true]);
  two.reject(new Error("a site is silent"));
  expect(await insisting).toBe("given");
  expect(asked).toEqual([false, true, true]);
  expect(told).toEqual(["room that other VMs' moves may still hold"]);
  await expect(both[1]).rejects.toThrow("a site is silent");
});

test("a lack of room stands where nothing is cleared up, and any other error at once", async () => {
  const clearings = new Clearings(0);
  const idle = lender(1);
  await expect(clearings.insist(idle.ask, unwaited)).rejects.toThrow("no room");
  const going = Promise.withResolvers<void>();
  const clearing = clearings.during(() => going.promise);
  const silent = lender(1, error("domain.unreachable"));
  await expect(clearings.insist(silent.ask, unwaited)).rejects.toThrow("no room");
  const forbidden = lender(1, error("domain.refused", "never"));
  await expect(clearings.insist(forbidden.ask, unwaited)).rejects.toThrow("no room");
  going.resolve();
  await clearing;
  expect([...idle.asked, ...silent.asked, ...forbidden.asked]).toEqual([false, false, false]);
});

test("after the last one others may be about to begin, for a while; then a refusal stands", async () => {
  const clearings = new Clearings(300);
  await clearings.during(async () => undefined);
  const late = Promise.withResolvers<void>();
  const { ask, asked } = lender(1);
  const insisting = clearings.insist(ask, () => void clearings.during(() => late.promise));
  await expect.poll(() => asked).toEqual([false]);
  late.resolve();
  expect(await insisting).toBe("given");
  const never = lender(9);
  await expect(clearings.insist(never.ask, () => undefined)).rejects.toThrow("no room");
  expect(never.asked.slice(0, 2)).toEqual([false, true]);
});
