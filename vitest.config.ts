import { defineConfig } from "vitest/config";

/** A machine may be busy with other things: what is waited for is given time. */
const PATIENT = { poll: { timeout: 20_000 } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          ...{ testTimeout: 60_000, hookTimeout: 60_000, expect: PATIENT },
        },
      },
      {
        test: {
          name: "e2e",
          // Alone on the machine: it measures downtimes.
          sequence: { groupOrder: 1 },
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: "test/e2e/setup.ts",
          fileParallelism: false,
          ...{ testTimeout: 600_000, hookTimeout: 600_000, expect: PATIENT },
        },
      },
    ],
  },
});
