import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Whatever the tests start in Node, hundreds of agents, programs and providers, is compiled once. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url));

/** A machine may be busy with other things: what is waited for is given time. */
const LIMITS = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 20_000 } } };
/** Each waits for many runs of the CLI. */
const E2E_LIMITS = { testTimeout: 600_000, hookTimeout: 600_000 };

/** Tests by the real CLI against a lab, beside test/e2e. */
const NAMED_FAULTS = "test/matrix/named.test.ts";

/** Tests that measure rates, round trips or how long a guest stood still: they have the machine to themselves. */
const MEASURING = [
  "test/domain/data-plane.test.ts",
  "test/hypervisor/{convergence,dirty-rates,far-controller}.test.ts",
  "test/lab/{lab,span}.test.ts",
  "test/lab/guest/guest.test.ts",
  "test/lab/probe/*.test.ts",
];
const E2E_MEASURING = ["test/e2e/turn.test.ts"];
/** A guest that dirties its memory without end takes a processor from whoever runs beside it: `npm run test:recast`. */
const ON_REQUEST = process.env.TURNTABLE_RECAST === undefined ? ["test/e2e/recast.test.ts"] : [];

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
          sequence: { groupOrder: 3 },
          include: ["test/e2e/**/*.test.ts", NAMED_FAULTS],
          exclude: [...E2E_MEASURING, ...ON_REQUEST],
          globalSetup: "test/e2e/setup.ts",
          // Each in a lab of its own (LANES, test/e2e/lab.ts): most of the time they wait for far sites.
          maxWorkers: 2,
          ...LIMITS,
          ...E2E_LIMITS,
        },
      },
      {
        test: {
          name: "e2e-measuring",
          sequence: { groupOrder: 2 },
          include: E2E_MEASURING,
          globalSetup: "test/e2e/setup.ts",
          fileParallelism: false,
          ...LIMITS,
          ...E2E_LIMITS,
        },
      },
    ],
  },
});
