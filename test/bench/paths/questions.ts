import { alternatives } from "../../../provider/domain/paths/alternatives.ts";
import type { Constraints } from "../../../provider/domain/paths/constraints.ts";
import { earliest, earliestWay, type SlotRequest } from "../../../provider/domain/paths/earliest.ts";
import type { Network } from "../../../provider/domain/paths/network.ts";
import { diversePair } from "../../../provider/domain/paths/pair.ts";
import type { Times } from "../../../provider/domain/paths/timetable.ts";
import type { Random } from "./random.ts";
import { HORIZON_MS, HOUR_MS } from "./world.ts";

/** What is asked for; each for the earliest slot first. */
export const KINDS = ["one way", "three alternatives", "a diverse pair"] as const;
export type Kind = (typeof KINDS)[number];

/** What is compared between calendars. */
export interface Reply {
  readonly kind: "found" | "none" | "undecided";
  readonly startMs?: number;
  readonly cost?: number;
}

/** Large, long and bound by something, as often as not: most find no room at once. */
export function makeQuestion(network: Network, random: Random): SlotRequest {
  const names = [...network.vertices].map(({ id }) => id);
  const from = random.of(names);
  const to = random.of(names.filter((name) => name !== from));
  const others = names.filter((name) => name !== from && name !== to);
  const fromMs = Math.floor(random.next() * HORIZON_MS * 0.7);
  const untilMs = fromMs + random.whole(24, 168) * HOUR_MS;
  const direct = network.leastTo(network.vertex(to), "delayMs").get(network.vertex(from)) ?? 0;
  const bounds: readonly Constraints[] = [
    {},
    { maxDelayMs: direct * (1.1 + random.next()) },
    { include: [random.of(others)] },
    { avoidNodes: [random.of(others), random.of(others)], avoidRiskGroups: [`g${random.whole(1, 60)}`] },
  ];
  const mbps = random.of([2_000, 5_000, 8_000, 9_500, 30_000]);
  const durationMs = random.whole(1, 12) * HOUR_MS;
  return { from, to, mbps, durationMs, window: { fromMs, untilMs }, constraints: random.of(bounds) };
}

export function answer(network: Network, times: Times, request: SlotRequest, kind: Kind): Reply {
  const { from, to, constraints } = request;
  switch (kind) {
    case "one way": {
      const slot = earliestWay(network, times, request);
      if (slot.kind === "none") return { kind: slot.proven ? "none" : "undecided" };
      return { kind: "found", startMs: slot.startMs, cost: slot.what.cost };
    }
    case "three alternatives": {
      const slot = earliestWay(network, times, request);
      if (slot.kind === "none") return { kind: slot.proven ? "none" : "undecided" };
      const { ways } = alternatives({ network, from, to, constraints, free: slot.free }, 3);
      return { kind: "found", startMs: slot.startMs, cost: ways.reduce((sum, { cost }) => sum + cost, 0) };
    }
    case "a diverse pair": {
      const diversity = { apart: "nodes", riskGroups: true } as const;
      const slot = earliest(network, times, request, (free) =>
        diversePair({ network, from, to, constraints, free }, diversity),
      );
      if (slot.kind === "none") return { kind: slot.proven ? "none" : "undecided" };
      return { kind: "found", startMs: slot.startMs, cost: slot.what.working.cost + slot.what.protecting.cost };
    }
    default:
      return kind satisfies never;
  }
}
