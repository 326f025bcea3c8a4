import type { TimeWindow } from "./wire.ts";

/** A right, or the wish for one. */
export interface Scope {
  readonly between: readonly [string, string];
  readonly bandwidthMbps: number;
  readonly window: TimeWindow;
  readonly vm: string;
}

/** What the right lacks for the wish, one sentence each; nothing if it suffices. The order of the STPs does not matter. */
export function covers(right: Scope, wish: Scope): readonly string[] {
  const lacks: string[] = [];
  if (!samePair(right.between, wish.between)) {
    lacks.push(`it is for ${right.between.join(" and ")}, not for ${wish.between.join(" and ")}`);
  }
  if (!(wish.bandwidthMbps <= right.bandwidthMbps)) {
    lacks.push(`it is for ${right.bandwidthMbps} Mbps, not for ${wish.bandwidthMbps} Mbps`);
  }
  if (!(Date.parse(right.window.start) <= Date.parse(wish.window.start))) {
    lacks.push(`it begins at ${right.window.start}, after ${wish.window.start}`);
  }
  if (!(Date.parse(wish.window.end) <= Date.parse(right.window.end))) {
    lacks.push(`it ends at ${right.window.end}, before ${wish.window.end}`);
  }
  if (right.vm !== wish.vm) lacks.push(`it is for the VM ${right.vm}, not for ${wish.vm}`);
  return lacks;
}

export function samePair(one: readonly [string, string], other: readonly [string, string]): boolean {
  return (one[0] === other[0] && one[1] === other[1]) || (one[0] === other[1] && one[1] === other[0]);
}
