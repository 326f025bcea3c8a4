/** What is told of several measurements of one thing. */
export interface Statistics {
  readonly min: number;
  readonly median: number;
  readonly mean: number;
  readonly max: number;
}

/** Of at least one value; throws RangeError if there is none. */
export function statisticsOf(values: readonly number[]): Statistics {
  const sorted = values.toSorted((one, other) => one - other);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError("there is nothing to summarize");
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? min) + (sorted[Math.ceil(middle)] ?? max)) / 2;
  return { min, median: tenths(median), mean: tenths(mean), max };
}

/** As ratios are told. */
export const hundredths = (value: number): number => Math.round(value * 100) / 100;

const tenths = (value: number): number => Math.round(value * 10) / 10;
