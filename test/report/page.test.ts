import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { awayOf, sweepOf } from "../../provider/report/away.ts";
import { migrationOf } from "../../provider/report/clock.ts";
import { type ReportInput, reportInput } from "../../provider/report/input.ts";
import { pageOf } from "../../provider/report/page.ts";
import { duration, moment } from "../../provider/report/wording.ts";
import { bare, suspended, whole } from "./moves.ts";

const parsed = (input: ReportInput) => parseHTML(pageOf(input)).document;

describe("the report's input", () => {
  test("is what a move leaves on record, with or without what was observed", () => {
    expect(reportInput.parse(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
    expect(reportInput.parse(JSON.parse(JSON.stringify(bare)))).toEqual(bare);
  });

  test.each([
    ["another schema", { ...whole, schema: 2 }],
    ["no move", { schema: 1 }],
    ["an unknown property", { ...whole, moved: true }],
    ["a negative time", { ...whole, observed: { ...whole.observed, pingMs: -1 } }],
    ["a time that is text", { ...bare, move: { ...bare.move, totalMs: "12" } }],
    ["an iteration without bytes", { ...bare, move: { ...bare.move, iterations: [{ atMs: 1 }] } }],
  ])("is refused with %s", (_, content) => {
    expect(reportInput.safeParse(content).success).toBe(false);
  });
});

describe("the time away", () => {
  test("is the longest that the VM itself stood still", () => {
    expect(awayOf(whole)?.ms).toBe(128);
    expect(awayOf({ ...whole, observed: undefined })?.ms).toBe(127);
    expect(awayOf(bare)).toBeUndefined();
  });

  test.each([
    [128, 1_000],
    [400, 1_000],
    [401, 2_000],
    [1_939, 5_000],
    [70_000, 300_000],
    [1_000_000, 2_500_000],
  ])("of %d ms is shown on a sweep of %d ms", (awayMs, periodMs) => {
    expect(sweepOf(awayMs).periodMs).toBe(periodMs);
  });

  test("is put at the end of the stage in which it was", () => {
    // 578 + 93 + 803 + 10059 is where `migrate` ends; the source's last word came 225.1 ms after the stop.
    expect(migrationOf(whole.move)?.stopMs).toBeCloseTo(11_307.9);
    expect(migrationOf(bare.move)).toBeUndefined();
  });

  test("of a VM that was suspended holds the copy of its memory", () => {
    const { stopMs = Number.NaN, parts = [] } = migrationOf(suspended.move) ?? {};
    const memory = parts.find(({ name }) => name === "memory");
    expect(memory?.fromMs).toBeCloseTo(stopMs);
    expect(memory?.toMs).toBeCloseTo(stopMs + 2_071);
  });
});

test("durations are said in the unit that fits", () => {
  expect([0, 127.6, 999.4, 1_939, 59_940, 125_000].map(duration)).toEqual([
    ...["0 ms", "128 ms", "999 ms", "1.94 s", "59.9 s", "2 min 5 s"],
  ]);
  expect([-4_125.5, 0, 12.8].map(moment)).toEqual(["−4.13 s", "0 ms", "+13 ms"]);
});

describe("the page", () => {
  test("says how long the VM was away before anything else", () => {
    expect(parsed(whole).querySelector("h1")?.textContent).toBe("web was away for 128 ms");
  });

  test("says how long the guest's writes took meanwhile, if it wrote", () => {
    const said = (writeP99Ms: number | undefined) =>
      parsed({ ...whole, move: { ...whole.move, writeP99Ms } }).querySelector('[aria-labelledby="bytes-heading"] > p');
    expect(said(6.41)?.textContent).toMatch(/99 of 100 of the guest's writes to its disks took at most 6.41 ms\.$/);
    expect(said(412.4)?.textContent).toMatch(/at most 412 ms\.$/);
    expect(said(undefined)?.textContent).not.toMatch(/writes/);
  });

  test("says of a VM that was suspended that it stood still for the copy of its memory, and of no other", () => {
    const [still, live] = [suspended, whole].map((input) => parsed(input).querySelector("main")?.textContent);
    expect(parsed(suspended).querySelector("h1")?.textContent).toBe("web was away for 2.21 s");
    expect(still).toContain("was suspended for the copy of its memory");
    expect(still).toContain("the guest stood still for the whole copy of its memory");
    expect(still).toContain("They are of live moves, and this VM was suspended.");
    expect(still).not.toMatch(/It moved while it ran|dirtied meanwhile|converged/);
    expect(live).not.toMatch(/suspended|stood still for/);
    expect(live).toMatch(/dirtied meanwhile/);
  });

  test("leaves out what is not known, and says so", () => {
    const document = parsed(bare);
    expect(document.querySelector("h1")?.textContent).toBe("The VM moved from ams to san");
    expect(document.querySelector(".lead")?.textContent).toContain("was not measured");
    const headings = [...document.querySelectorAll("h2")].map(({ textContent }) => textContent);
    expect(headings).toEqual(["The whole move, on one clock", "What crossed", "The path"]);
    expect(document.querySelector("dl")?.textContent).toContain("none: a fixed link");
  });

  test.each([
    ["what was observed", { ...whole, observed: undefined }],
    ["the iterations", { ...whole, move: { ...whole.move, iterations: undefined } }],
    ["a single iteration", { ...whole, move: { ...whole.move, iterations: whole.move.iterations?.slice(0, 1) } }],
    ["the hosts' clock", { ...whole, move: { ...whole.move, stopAtMs: undefined } }],
    ["the timeline", { ...whole, move: { ...whole.move, timelineMs: {} } }],
    ["the round trip", { ...whole, move: { ...whole.move, path: { hops: [] } } }],
  ])("is whole without %s", (_, input) => {
    const page = parsed(input).querySelector("main")?.outerHTML;
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(page).toContain("was away for <strong>");
  });

  test("shows names as text, whatever is in them", () => {
    const evil = `<img src=x onerror="alert(1)">'&amp;</title></text></script>`;
    const move = { ...whole.move, from: evil, to: evil, stages: { ...whole.move.stages, [evil]: 5 } };
    const path = { ...move.path, hops: [evil], connectionId: evil };
    const timelineMs = { ...move.timelineMs, [`source ${evil}`]: 20, [`source BLOCK_JOB_COMPLETED ${evil}`]: 30 };
    const document = parsed({ ...whole, vm: evil, move: { ...move, path, timelineMs } });
    expect(document.querySelectorAll("img, [onerror]")).toHaveLength(0);
    expect(document.querySelectorAll("script")).toHaveLength(1);
    expect(document.querySelector("h1")?.textContent).toBe(`${evil} was away for 128 ms`);
    expect([...document.querySelectorAll(".path li")].map((item) => item.textContent)).toEqual([evil, evil, evil]);
  });
});
