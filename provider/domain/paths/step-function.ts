interface Step {
  readonly timeMs: number;
  /** By how much the level changes at that time. */
  delta: number;
  /** Random: parents have the higher one, which keeps the tree about as deep as a balanced one. */
  readonly priority: number;
  before: Step | undefined;
  after: Step | undefined;
  /** Of all deltas below and here. */
  sum: number;
  /** The highest and lowest level within, seen from the level before it. */
  highest: number;
  lowest: number;
}

/** Which levels are looked for: those above a limit, or those at it or below. */
type Wanted = "above" | "within";

/**
 * A level over time, 0 until it is first changed, that changes in steps: what is taken of a link, say. Whole numbers are
 * added exactly. Changes and look-ups take a time that grows with the logarithm of the number of steps: a treap (Seidel and
 * Aragon, 1996) that knows the highest and lowest partial sum of each subtree.
 */
export class StepFunction {
  #root: Step | undefined;

  /** Raises the level by `by` (or lowers it) from `fromMs`, inside, to `untilMs`, outside. */
  add(fromMs: number, untilMs: number, by: number): void {
    this.#root = changed(this.#root, fromMs, by);
    this.#root = changed(this.#root, untilMs, -by);
  }

  /** The highest level at any moment of a span. */
  highest(fromMs: number, untilMs: number): number {
    return highestWithin(this.#root, 0, fromMs, untilMs, Number.NEGATIVE_INFINITY);
  }

  /** Whether the level is at a limit or below all through a span. Mostly told by the level at its beginning and the next change. */
  staysWithin(limit: number, fromMs: number, untilMs: number): boolean {
    let level = 0;
    let nextMs = Number.POSITIVE_INFINITY;
    for (let step = this.#root; step !== undefined; ) {
      if (step.timeMs <= fromMs) {
        level += (step.before?.sum ?? 0) + step.delta;
        step = step.after;
      } else {
        nextMs = step.timeMs;
        step = step.before;
      }
    }
    if (level > limit) return false;
    return nextMs >= untilMs || this.highest(fromMs, untilMs) <= limit;
  }

  /**
   * The earliest moment from `fromMs` to `latestMs` from which on the level stays at `limit` or below for so long; Infinity if
   * there is none.
   */
  firstFit(limit: number, durationMs: number, fromMs: number, latestMs: number): number {
    for (let startMs = fromMs; ; ) {
      startMs = first(this.#root, 0, startMs, limit, "within");
      if (startMs > latestMs) return Number.POSITIVE_INFINITY;
      const endMs = first(this.#root, 0, startMs, limit, "above");
      if (endMs - startMs >= durationMs) return startMs;
      startMs = endMs;
    }
  }

  /** When the level next changes after a moment; Infinity if it does not. */
  nextChange(afterMs: number): number {
    let found = Number.POSITIVE_INFINITY;
    for (let step = this.#root; step !== undefined; ) {
      if (step.timeMs > afterMs) {
        found = step.timeMs;
        step = step.before;
      } else step = step.after;
    }
    return found;
  }
}

/** The tree with the delta at a time changed; a step that changes nothing is taken out. */
function changed(step: Step | undefined, timeMs: number, by: number): Step | undefined {
  if (step === undefined) {
    if (by === 0) return undefined;
    const [highest, lowest] = [by, by];
    return {
      timeMs,
      delta: by,
      priority: Math.random(),
      before: undefined,
      after: undefined,
      sum: by,
      highest,
      lowest,
    };
  }
  if (timeMs === step.timeMs) {
    step.delta += by;
    return step.delta === 0 ? joined(step.before, step.after) : summed(step);
  }
  if (timeMs < step.timeMs) {
    const child = changed(step.before, timeMs, by);
    step.before = child;
    if (child === undefined || child.priority <= step.priority) return summed(step);
    step.before = child.after;
    child.after = summed(step);
    return summed(child);
  }
  const child = changed(step.after, timeMs, by);
  step.after = child;
  if (child === undefined || child.priority <= step.priority) return summed(step);
  step.after = child.before;
  child.before = summed(step);
  return summed(child);
}

/** One tree of two, all of whose steps come before those of the other. */
function joined(early: Step | undefined, late: Step | undefined): Step | undefined {
  if (early === undefined) return late;
  if (late === undefined) return early;
  if (early.priority > late.priority) {
    early.after = joined(early.after, late);
    return summed(early);
  }
  late.before = joined(early, late.before);
  return summed(late);
}

function summed(step: Step): Step {
  const { before, after } = step;
  const here = (before?.sum ?? 0) + step.delta;
  step.sum = here + (after?.sum ?? 0);
  step.highest = Math.max(here, before?.highest ?? here, after === undefined ? here : here + after.highest);
  step.lowest = Math.min(here, before?.lowest ?? here, after === undefined ? here : here + after.lowest);
  return step;
}

/** `base`: the level before the subtree; `found`: the highest seen so far. */
function highestWithin(step: Step | undefined, base: number, fromMs: number, untilMs: number, found: number): number {
  // The level at the span's beginning is the one left by whatever came before it.
  if (step === undefined) return Math.max(found, base);
  const here = base + (step.before?.sum ?? 0) + step.delta;
  if (step.timeMs <= fromMs) return highestWithin(step.after, here, fromMs, untilMs, found);
  const early = highestWithin(step.before, base, fromMs, untilMs, found);
  if (step.timeMs >= untilMs) return early;
  return Math.max(early, here, highestBefore(step.after, here, untilMs));
}

function highestBefore(step: Step | undefined, base: number, untilMs: number): number {
  if (step === undefined) return base;
  const here = base + (step.before?.sum ?? 0) + step.delta;
  if (step.timeMs >= untilMs) return highestBefore(step.before, base, untilMs);
  const early = step.before === undefined ? base : base + step.before.highest;
  return Math.max(early, here, highestBefore(step.after, here, untilMs));
}

/** The first moment, from one on, at which the level is as wanted; Infinity if there is none. */
function first(root: Step | undefined, base: number, fromMs: number, limit: number, wanted: Wanted): number {
  const suits = (level: number): boolean => (wanted === "above" ? level > limit : level <= limit);
  let level = base;
  for (let step = root; step !== undefined; ) {
    if (step.timeMs <= fromMs) {
      level += (step.before?.sum ?? 0) + step.delta;
      step = step.after;
    } else step = step.before;
  }
  return suits(level) ? fromMs : firstAfter(root, base, fromMs, suits, wanted);
}

function firstAfter(
  step: Step | undefined,
  base: number,
  fromMs: number,
  suits: (level: number) => boolean,
  wanted: Wanted,
): number {
  if (step === undefined) return Number.POSITIVE_INFINITY;
  if (!suits(base + (wanted === "above" ? step.highest : step.lowest))) return Number.POSITIVE_INFINITY;
  const here = base + (step.before?.sum ?? 0) + step.delta;
  if (step.timeMs <= fromMs) return firstAfter(step.after, here, fromMs, suits, wanted);
  const early = firstAfter(step.before, base, fromMs, suits, wanted);
  if (early < Number.POSITIVE_INFINITY) return early;
  return suits(here) ? step.timeMs : firstAfter(step.after, here, fromMs, suits, wanted);
}
