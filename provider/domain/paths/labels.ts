/** Labels from one to another, both inside: VLANs, or the channels of a link. */
export type LabelRange = readonly [number, number];

/** Labels as bits: bit n stands for label n. All there are: -1n. */
export type LabelSet = bigint;

export const ALL_LABELS: LabelSet = -1n;
export const NO_LABELS: LabelSet = 0n;

export function labelSet(ranges: readonly LabelRange[]): LabelSet {
  return ranges.reduce((all, [first, last]) => all | (((1n << BigInt(last - first + 1)) - 1n) << BigInt(first)), 0n);
}

export function only(label: number): LabelSet {
  return 1n << BigInt(label);
}

/** The lowest label of a set that is not empty. */
export function lowest(set: LabelSet): number {
  return (set & -set).toString(2).length - 1;
}
