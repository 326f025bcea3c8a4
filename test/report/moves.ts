import type { ReportInput } from "../../provider/report/input.ts";

const iterations = Array.from({ length: 8 }, (_, index) => ({
  atMs: Math.round(4_100 * (1 - 0.5 ** index)),
  sentBytes: Math.round(275_000_000 * (1 - 0.4 ** index)),
  remainingBytes: Math.round(200_000_000 * 0.5 ** index),
}));

/** A move as the lab has it, with everything that can be known. */
export const whole: ReportInput = {
  schema: 1,
  vm: "web",
  move: {
    ...{ from: "ams", to: "san", epoch: 2, startedAt: "2026-11-23T01:03:05.195Z", mode: "live" },
    ...{ blackoutMs: 127, memoryBytes: 275_727_122, diskBytes: 83_165_184, totalMs: 12_269, writeP99Ms: 6.41 },
    path: {
      ...{ bandwidthMbps: 900, connectionId: "e45d5d20-a01a-4b83-b31d-7eda64668a11", rttMs: 198.413 },
      hops: ["ams.example", "transit.example", "san.example"],
    },
    stages: { authorize: 93, hold: 578, light: 803, migrate: 10_059, release: 330, steer: 306 },
    stopAtMs: 5_249_050.8,
    timelineMs: {
      "destination MIGRATION active": -4_027.9,
      "destination MIGRATION completed": 122.8,
      "destination RESUME": 127,
      "destination flushed": 155.4,
      "destination turned": 134.8,
      "source BLOCK_JOB_COMPLETED mirror-data": 9.9,
      "source MIGRATION active": -4_125.5,
      "source MIGRATION completed": 225.1,
      "source MIGRATION device": 12.8,
      "source MIGRATION pre-switchover": 5,
      "source STOP": 0,
    },
    iterations,
  },
  observed: {
    ...{ guestMs: 128, streamMs: 157, pingMs: 187, lostPings: 2, rttMs: 198.4 },
    streamGap: { startAtMs: 5_249_052.1, lengthMs: 157 },
  },
};

/** The same VM suspended for the copy of its memory; nobody watched. */
export const suspended: ReportInput = {
  schema: 1,
  vm: "web",
  move: {
    ...whole.move,
    ...{ mode: "suspended", blackoutMs: 2_212, memoryBytes: 203_114_500 },
    iterations: [
      { atMs: 0, sentBytes: 0, remainingBytes: 218_112_000 },
      { atMs: 2_010, sentBytes: 203_101_220, remainingBytes: 0 },
    ],
    timelineMs: {
      "source STOP": 0,
      "source MIGRATION active": 6.2,
      "source MIGRATION pre-switchover": 2_071,
      "source BLOCK_JOB_COMPLETED mirror-data": 2_078,
      "source MIGRATION device": 2_080,
      "destination MIGRATION completed": 2_208,
      "destination RESUME": 2_212,
      "source MIGRATION completed": 2_310,
    },
  },
};

/** The least that a record holds: hosts without a common clock, a fixed path, nobody watching. */
export const bare: ReportInput = {
  schema: 1,
  move: {
    ...{ from: "ams", to: "san", epoch: 2, startedAt: "2026-11-23T01:03:05.195Z", mode: "live" },
    ...{ memoryBytes: 0, diskBytes: 0, totalMs: 900, stages: {}, path: { hops: [] }, timelineMs: {} },
  },
};
