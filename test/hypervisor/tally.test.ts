import { expect, test } from "vitest";
import { countedBytes } from "../../provider/hypervisor/qemu/way/tally.ts";

/** As nbdkit 1.32 leaves it. */
const STATS = `total: 8 ops, 0.626208 s, 38.02 MiB, 60.71 MiB/s
write: 4 ops, 0.053222 s, 8.02 MiB, 150.61 MiB/s op, 12.80 MiB/s total
trim: 1 ops, 0.000104 s, 20.00 MiB, 187.80 GiB/s op, 31.94 MiB/s total
zero: 2 ops, 0.000233 s, 10.00 MiB, 41.91 GiB/s op, 15.97 MiB/s total
flush: 1 ops, 0.000001 s, 0 bytes, 0 bytes/s op, 0 bytes/s total
`;

test("what was written counts, and of what is empty or discarded the requests alone", () => {
  expect(countedBytes(STATS)).toBe(Math.round(8.02 * 2 ** 20) + 7 * 28);
});

test("a disk on which nothing was written sent nothing; a count in bytes or GiB is one", () => {
  expect(countedBytes("total: 0 ops, 4.5 s, 0 bytes, 0 bytes/s\n")).toBe(0);
  expect(countedBytes("total: 1 ops, 1 s, 512 bytes, 1 KiB/s\nwrite: 1 ops, 1 s, 512 bytes, 1 KiB/s\n")).toBe(540);
  const large = "total: 9 ops, 1 s, 1.50 GiB, 1 GiB/s\nwrite: 9 ops, 1 s, 1.50 GiB, 1 GiB/s op\n";
  expect(countedBytes(large)).toBe(1.5 * 2 ** 30 + 9 * 28);
});

test("a file that nbdkit has opened and not yet written says nothing", () => {
  expect(countedBytes("")).toBeUndefined();
});
