import { expect, test } from "vitest";
import { EDGES_NS, quantileMs } from "../../provider/hypervisor/qemu/write-latency.ts";

/** As QEMU counts: a bin for each edge, of what lies below it and not below the one before, and one for the rest. */
function histogramOf(latenciesMs: readonly number[]): number[] {
  const bins = [...EDGES_NS.map(() => 0), 0];
  for (const ms of latenciesMs) {
    const bin = EDGES_NS.findIndex((edge) => ms * 1e6 < edge);
    const at = bin === -1 ? EDGES_NS.length : bin;
    bins[at] = (bins[at] ?? 0) + 1;
  }
  return bins;
}

const upTo = (count: number, ms: (index: number) => number) => Array.from({ length: count }, (_, i) => ms(i));

test("edges rise by a tenth, from a twentieth of a millisecond to over a minute", () => {
  expect(EDGES_NS[0]).toBe(50_000);
  expect(EDGES_NS.at(-1)).toBeGreaterThanOrEqual(60e9);
  for (const [index, edge] of EDGES_NS.entries()) {
    if (index > 0) expect(edge / (EDGES_NS[index - 1] ?? 0)).toBeCloseTo(1.1, 3);
  }
});

test("99 of 100 writes took no longer than is said, which is at most a tenth too high", () => {
  const latencies = upTo(1_000, (index) => 0.1 * (index + 1));
  const true99Ms = 99;
  const told = quantileMs([histogramOf(latencies)], 0.99);
  expect(told).toBeGreaterThanOrEqual(true99Ms);
  expect(told).toBeLessThan(1.101 * true99Ms);
});

test("one slow write of a hundred is not told, two are; disks and hosts count together", () => {
  const quick = upTo(98, () => 1);
  expect(quantileMs([histogramOf([...quick, 1, 700])], 0.99)).toBeLessThan(1.2);
  expect(quantileMs([histogramOf(quick), histogramOf([700, 700])], 0.99)).toBeGreaterThan(700);
});

test("no write has no latency; one beyond the last edge is told as the last", () => {
  expect(quantileMs([], 0.99)).toBeUndefined();
  expect(quantileMs([histogramOf([])], 0.99)).toBeUndefined();
  expect(quantileMs([histogramOf([120_000])], 0.99)).toBeGreaterThanOrEqual(60_000);
});
