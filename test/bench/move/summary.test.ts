import { expect, test } from "vitest";
import { lineOf } from "./json.ts";
import { readmeTables } from "./readme.ts";
import type { MoveSample, Sample } from "./samples.ts";
import { summarize } from "./summary.ts";
import { tables } from "./table.ts";

function moved(variant: string, trip: MoveSample["trip"], blackoutMs: number): MoveSample {
  const noticed = { streamGapMs: blackoutMs + 30, pingGapMs: blackoutMs + 60, lostPings: 3 };
  return {
    ...{ kind: "move", variant, trip, blackoutMs, ...noticed, totalMs: 11_000, memoryBytes: 180e6, faults: [] },
    wholeMove: { ...noticed, streamGapMs: 400 },
    diskBytes: trip === "first" ? 72e6 : 1.8e6,
    // The guest wrote nothing on its way back.
    ...(trip === "first" ? { writeP99Ms: 4.2 } : {}),
    split: { controlMs: 10, lastMemoryMs: 10, flightMs: 99, destinationMs: blackoutMs - 119, turnMs: 8 },
  };
}

const SAMPLES: readonly Sample[] = [
  moved("198 ms idle tls", "first", 130),
  moved("198 ms idle tls", "return", 126),
  moved("198 ms idle none", "first", 128),
  moved("1 ms idle tls", "first", 32),
  { ...moved("198 ms idle far", "first", 140), beforeStop: { streamGapMs: 12, pingGapMs: 61 } },
  { ...moved("198 ms idle far", "return", 136), beforeStop: { streamGapMs: 17, pingGapMs: 55 } },
  moved("198 ms idle far", "return", 137),
  moved("198 ms idle suspended", "first", 2_304),
  { kind: "virsh", variant: "198 ms idle virsh", blackoutMs: 960, totalMs: 24_000 },
  { kind: "given-up", variant: "198 ms loaded virsh", afterMs: 121_000 },
  {
    kind: "copy",
    variant: "198 ms copy tls",
    diskMBps: 90,
    memoryMBps: 105,
    streamMBps: 100,
    diskWayMBps: 96,
    memoryWayMBps: 105,
  },
  {
    kind: "copy",
    variant: "198 ms copy tls",
    diskMBps: 92,
    memoryMBps: 110.25,
    streamMBps: 105,
    diskWayMBps: 100,
    memoryWayMBps: 100,
  },
];

test("a row tells what was noticed at the switchover, in the whole move, and of both trips", () => {
  const [row] = summarize(SAMPLES).rows;
  expect(row).toMatchObject({
    ...{ variant: "198 ms idle tls", rttMs: 198, load: "idle", encryption: "tls", n: 2 },
    blackoutMs: { min: 126, median: 128, mean: 128, max: 130 },
    streamGapMs: { min: 156, median: 158, mean: 158, max: 160 },
    wholeMove: { streamGapMs: { min: 400, median: 400, mean: 400, max: 400 } },
    ...{ totalMs: 11_000, memoryBytes: 180e6, diskBytes: 72e6, returnDiskBytes: 1.8e6, writeP99Ms: 4.2 },
    split: { controlMs: 10, lastMemoryMs: 10, flightMs: 99, destinationMs: 9, turnMs: 8 },
  });
});

test("a row tells of the gaps before the switchover where they were looked at, and who was far away", () => {
  const { rows } = summarize(SAMPLES);
  const far = rows.find(({ variant }) => variant === "198 ms idle far");
  expect(far).toMatchObject({ ...{ n: 3, controllerRttMs: 100 }, beforeStop: { streamGapMs: { median: 14.5 } } });
  expect(rows[0]).not.toHaveProperty("beforeStop");
  expect(rows[0]).not.toHaveProperty("controllerRttMs");
  const lines = readmeTables({ all: SAMPLES, runs: [] }).split("\n");
  expect(lines).toContain(
    "| 198 ms | idle tls | idle none | idle far | idle suspended | idle virsh | paper, idle; busy |",
  );
  expect(lines).toContain(
    "| largest gap before the switchover, stream; ping: median (largest), ms | – | – | 14.5 (17); 58 (61) | – | – | – |",
  );
  expect(lines).toContain("| blackout, far controller to near | 198 ms idle: 1.07 | – |");
  expect(lines).toContain("| ping gap, far controller to near | 198 ms idle: 1.05 | – |");
});

test("the line of JSON has the same fields for each variant, and null where nothing is measured", () => {
  const { rows, ratios, details } = lineOf(summarize(SAMPLES));
  const fields = ["variant", "rttMs", "load", "n", "blackoutMs", "streamGapMs", "pingGapMs", "lostPings", "totalMs"];
  for (const row of rows) expect(Object.keys(row)).toEqual([...fields, "memoryBytes", "diskBytes"]);
  expect(rows.map(({ variant, pingGapMs, diskBytes }) => [variant, pingGapMs?.median ?? null, diskBytes])).toEqual([
    ["198 ms idle tls", 188, 72e6],
    ["198 ms idle none", 188, 72e6],
    ["198 ms idle far", 197, 72e6],
    ["198 ms idle suspended", 2364, 72e6],
    ["198 ms idle virsh", null, null],
    ["1 ms idle tls", 92, 72e6],
  ]);
  expect(ratios).toEqual(summarize(SAMPLES).ratios);
  expect(details["198 ms idle tls"]).toMatchObject({
    encryption: "tls",
    returnDiskBytes: 1.8e6,
    split: { flightMs: 99 },
  });
  expect(details["198 ms idle far"]).toMatchObject({ controllerRttMs: 100, beforeStop: { pingGapMs: { median: 58 } } });
  expect(details["198 ms idle virsh"]).toEqual({});
});

test("ratios are of what was measured in the same run, and absent where one side was not", () => {
  expect(summarize(SAMPLES).ratios).toEqual({
    toPaper: {
      ...{ "198 ms idle tls, blackout": 0.41, "198 ms idle tls, stream gap": 0.69, "198 ms idle tls, ping gap": 0.05 },
      ...{
        "198 ms idle none, blackout": 0.41,
        "198 ms idle none, stream gap": 0.69,
        "198 ms idle none, ping gap": 0.05,
      },
    },
    blackoutToFloor: { "198 ms idle tls": 1.29, "198 ms idle none": 1.29, "1 ms idle tls": 64 },
    wanToLan: { "idle tls": 4 },
    blackoutToVirsh: { "198 ms idle tls": 0.13, "198 ms idle none": 0.13 },
    tlsToNone: { "198 ms idle": 1 },
    suspendedToLive: { "198 ms idle": 18 },
    farControllerBlackout: { "198 ms idle": 1.07 },
    farControllerPingGap: { "198 ms idle": 1.05 },
    returnToFirstDiskBytes: { "198 ms idle tls": 0.03 },
    copyToStream: { "198 ms copy tls, disk": 0.89, "198 ms copy tls, memory": 1.05 },
    copyToWay: { "198 ms copy tls, disk": 0.93, "198 ms copy tls, memory": 1.05 },
    wayToStream: { "198 ms copy tls, disk": 0.96, "198 ms copy tls, memory": 1 },
  });
});

test("the tables show each variant beside the paper, and what was not measured as not measured", () => {
  const text = tables(SAMPLES, summarize(SAMPLES));
  expect(text).toContain("| 198 ms idle tls | 2 | 128 / 128 (126–130) | 158 / 158 (156–160) | 400 |");
  expect(text).toContain("| 72.0 / 1.8 | 4.2 |");
  expect(text).toContain("198 ms loaded virsh: given up 1 times, after 121 s");
  expect(text).toContain("| 198 ms idle virsh | 1 | 960 | – | – | – | – | – | – | 24.0 | – | – | – |");
  expect(text).toContain("| paper, 175 ms idle | – | 315, by the guest's clock | 230 | – | 3809 | – | 76 |");
  expect(text).toContain("| ping gap, far controller to near | 198 ms idle | 1.05 | – |");
  expect(text).toContain("| 198 ms idle tls | 10 | 10 | 99 | 9 | 8 |");
  expect(text).toContain("| blackout, 198 ms to 1 ms | idle tls | 4 | 5–10 |");
  expect(text).toContain("| blackout, suspended to live | 198 ms idle | 18 | 50–100 |");
  const columns = text.split("\n").filter((line) => /^\| (198|1|paper)/.test(line) && line.includes("ms idle"));
  expect(new Set(columns.slice(0, 6).map((line) => line.split("|").length))).toEqual(new Set([15]));
});

test("without a single sample there is nothing to show, and that is said", () => {
  const summary = summarize([]);
  expect(summary.rows).toEqual([]);
  expect(tables([], summary)).toContain("(nothing measured)");
});
