import { faultNamed } from "./faults/index.ts";
import { MOMENTS, type Moment } from "./moments.ts";
import { type Cell, FAULT_NAMES } from "./result.ts";

const SWITCHOVER: readonly Moment[] = ["before continue", "after continue", "after RESUME"];

export const allCells = (): readonly Cell[] =>
  FAULT_NAMES.flatMap((fault) => MOMENTS.map((moment) => ({ fault, moment })));

/** Why a cell cannot happen; undefined if it can. */
export const impossibility = ({ fault, moment }: Cell): string | undefined => faultNamed(fault).impossible?.[moment];

/** The most dangerous first. */
export const possibleCells = (): readonly Cell[] =>
  allCells()
    .filter((cell) => impossibility(cell) === undefined)
    .sort((one, other) => BY_DANGER.indexOf(one.moment) - BY_DANGER.indexOf(other.moment));

const BY_DANGER: readonly Moment[] = ["after continue", "before continue", "after RESUME", ...MOMENTS];

/** How often a cell must have passed. */
export const timesWanted = ({ moment }: Cell): number => (SWITCHOVER.includes(moment) ? 10 : 3);
