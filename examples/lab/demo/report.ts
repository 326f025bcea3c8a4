import { join } from "node:path";
import { REPORTS, writeReport } from "../../../provider/report/command.ts";
import { REPOSITORY } from "../layout.ts";
import type { WatchedMove } from "./watch.ts";

/** Writes the report of each move, with what was observed from outside, and resolves with the files' absolute paths. */
export async function writeReports(vm: string, rttMs: number, moves: readonly WatchedMove[]): Promise<string[]> {
  return await Promise.all(
    moves.map(({ record: move, downtimeMs, lostPings, streamGap }) => {
      const { guest: guestMs, stream: streamMs, ping: pingMs } = downtimeMs;
      const observed = { guestMs, streamMs, pingMs, lostPings, rttMs, ...(streamGap ? { streamGap } : {}) };
      return writeReport(join(REPOSITORY, REPORTS), { name: vm, input: { schema: 1, vm, move, observed } });
    }),
  );
}
