import { expect, test } from "vitest";
import { z } from "zod";
import { conclude } from "../../examples/lab/demo/conclusion.ts";
import type { WatchedMove } from "../../examples/lab/demo/watch.ts";
import { STAGES } from "../../provider/controller/course.ts";
import { whole } from "../report/moves.ts";

function moved(from: string, to: string, faults: readonly string[] = []): WatchedMove {
  const stages = Object.fromEntries(STAGES.map((stage, index) => [stage, 100 * (index + 1)]));
  return {
    ...{ from, to, tcpSurvived: faults.length === 0, lostPings: 2, memoryBytes: 179.6e6, diskBytes: 72.4e6 },
    ...(to === "san" ? { writeP99Ms: 6.41 } : {}),
    ...{ downtimeMs: { guest: 128, stream: 157, ping: 187, blackout: 127 }, totalMs: 10_800, stages },
    ...{ record: { ...whole.move, iterations: undefined }, streamGap: { startAtMs: 1, lengthMs: 157 }, faults },
    switchover: { streamMs: 157, pingMs: 187, lostPings: 2 },
    beforeStop: { streamMs: 31, pingMs: 62 },
  };
}

const bytes = z.number().positive();
/** Nothing more and nothing less than was promised to whoever reads it. */
const promised = z.strictObject({
  rttMs: z.number(),
  moves: z.array(
    z.strictObject({
      ...{ from: z.string(), to: z.string(), tcpSurvived: z.boolean(), lostPings: z.int() },
      downtimeMs: z.strictObject({ guest: z.number(), stream: z.number(), ping: z.number(), blackout: z.number() }),
      writeP99Ms: z.number().positive().optional(),
      ...{ memoryBytes: bytes, diskBytes: bytes, totalMs: z.number(), stages: z.record(z.enum(STAGES), z.number()) },
    }),
  ),
});

test("a turn that went well ends with its figures on one line, and with success", () => {
  const { text, json, exitCode } = conclude(198, { moves: [moved("ams", "san"), moved("san", "ams")], faults: [] });
  expect(exitCode).toBe(0);
  expect(json).not.toContain("\n");
  const { rttMs, moves } = promised.parse(JSON.parse(json));
  expect(rttMs).toBe(198);
  expect(moves.map(({ from, to }) => `${from} ${to}`)).toEqual(["ams san", "san ams"]);
  expect(moves[0]?.downtimeMs).toEqual({ guest: 128, stream: 157, ping: 187, blackout: 127 });
  expect(text).toMatch(/TCP session survived +yes +yes +yes\n/);
  expect(text).toMatch(/pings lost, one every 50 ms +2 +2 +76\n/);
  expect(moves.map(({ writeP99Ms }) => writeP99Ms)).toEqual([6.41, undefined]);
  expect(text).toMatch(/99 of 100 disk writes within, ms +6.41 +none +–\n/);
  expect(text).toMatch(/came through both moves/);
});

test("whatever was wrong is told and ends it without success", () => {
  const fault = "3 frames of the VM left ams after the destination resumed";
  const { text, json, exitCode } = conclude(198, { moves: [moved("ams", "san", [fault])], faults: [fault] });
  expect(exitCode).toBe(1);
  expect(text).toContain(`FAULT: ${fault}`);
  expect(text).toMatch(/TCP session survived +NO/);
  expect(text).not.toMatch(/came through/);
  expect(promised.parse(JSON.parse(json)).moves[0]?.tcpSurvived).toBe(false);
});
