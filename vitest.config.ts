import { defineConfig } from "vitest/config";

/** A machine may be busy with other things: what is waited for is given time. */
const LIMITS = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 20_000 } } };

/** Tests by the real CLI against a lab, beside test/e2e. */
const NAMED_FAULTS = "test/matrix/named.test.ts";

/** Tests that measure rates, round trips or how long a guest stood still: they have the machine to themselves. */
const MEASURING = [
  "test/hypervisor/{convergence,far-controller}.test.ts",
  "test/lab/{lab,span}.test.ts",
  "test/lab/guest/guest.test.ts",
  "test/lab/probe/*.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", NAMED_FAULTS, ...MEASURING],
          // Most of them wait for a guest or a host, not for a processor.
          maxWorkers: 2,
          ...LIMITS,
        },
      },
      {
        test: {
          name: "measuring",
          sequence: { groupOrder: 1 },
          include: MEASURING,
          fileParallelism: false,
          ...LIMITS,
        },
      },
      {
        test: {
          name: "e2e",
          // Alone on the machine: it measures downtimes.
          sequence: { groupOrder: 2 },
          include: ["test/e2e/**/*.test.ts", NAMED_FAULTS],
          globalSetup: "test/e2e/setup.ts",
          fileParallelism: false,
          ...LIMITS,
          ...{ testTimeout: 600_000, hookTimeout: 600_000 },
        },
      },
    ],
  },
});
