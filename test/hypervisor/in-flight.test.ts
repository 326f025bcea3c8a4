import { expect, test } from "vitest";
import { inFlight } from "../../provider/hypervisor/qemu/way/in-flight.ts";

const MIB = 1 << 20;
const OCEAN = { bandwidthMbps: 900, rttMs: 198 };
const REQUESTS = 16;

test("what is on the path is more than it holds, and what waits its turn too", () => {
  const { bufferBytes, requests } = inFlight(OCEAN, "nothing", 1);
  const productBytes = (900e6 / 8) * 0.198;
  const eachBytes = bufferBytes / REQUESTS;
  expect(requests * eachBytes).toBeGreaterThan(productBytes);
  expect((REQUESTS - requests) * eachBytes).toBeGreaterThan(productBytes);
  // NBD's largest request.
  expect(eachBytes).toBeLessThanOrEqual(32 * MIB);
});

test("a host keeps its memory, of however many disks; a short path needs no more than QEMU would take", () => {
  expect(inFlight(OCEAN, "nothing", 4).bufferBytes).toBe(128 * MIB);
  expect(inFlight(OCEAN, "nothing", 16).bufferBytes).toBe(32 * MIB);
  expect(inFlight({ bandwidthMbps: 900, rttMs: 1 }, "nothing", 1).bufferBytes).toBe(16 * MIB);
  expect(inFlight({ bandwidthMbps: 10_000, rttMs: 198 }, "nothing", 1).bufferBytes).toBe(128 * MIB);
});

test("a delta's small pieces all go at once: they wait for answers, not for room on the path", () => {
  expect(inFlight(OCEAN, "replica", 1).requests).toBeGreaterThanOrEqual(REQUESTS);
});
