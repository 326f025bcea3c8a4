import { figures } from "./table.ts";
import type { Turn } from "./turn.ts";
import type { WatchedMove } from "./watch.ts";

/** What a demo has to say at its end. */
export interface Conclusion {
  /** The table, then each fault, or that there was none. */
  readonly text: string;
  /** One line: `{rttMs, moves: [{from, to, tcpSurvived, downtimeMs, …}]}`. */
  readonly json: string;
  /** 0 only if nothing was wrong. */
  readonly exitCode: 0 | 1;
}

const ALL_WELL = "The TCP session and the guest's data came through both moves; at no time did two copies run.";

export function conclude(rttMs: number, { moves, faults }: Turn): Conclusion {
  const verdict = faults.length > 0 ? faults.map((fault) => `FAULT: ${fault}`) : [ALL_WELL];
  return {
    text: [`\n${figures(rttMs, moves)}\n`, ...verdict].join("\n"),
    json: JSON.stringify({ rttMs, moves: moves.map(figuresOf) }),
    exitCode: faults.length > 0 ? 1 : 0,
  };
}

/** The figures of the table. */
function figuresOf(move: WatchedMove) {
  const { faults: _, record: __, streamGap: ___, switchover: ____, beforeStop: _____, ...figures } = move;
  return figures;
}
