import type { TimeWindow } from "../../aaa/wire.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Time zones differ by multiples of it, and so do summer and winter. */
const HOURS_STEP_MS = 15 * MINUTE_MS;
/** No day of any zone is shorter. */
const DAYS_STEP_MS = 6 * HOUR_MS;
/** No day of any zone is longer, so that all hours were touched. */
const LONGEST_DAY_MS = 26 * HOUR_MS;

/** A window as the clocks on the wall of a zone show it. */
export interface CivilTime {
  /** Every hour of the day that it touches, 0 to 23. Its end is not in it. */
  readonly hours: readonly number[];
  /** Every weekday that it touches ("monday"). */
  readonly weekdays: readonly string[];
  /** Time of day of its start and its end, in ms since midnight. */
  readonly startTimeMs: number;
  readonly endTimeMs: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether the machine knows a time zone of this name (IANA: "Europe/Amsterdam"). */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** What clocks in a zone show during a window. Throws RangeError for a zone that the machine does not know. */
export function civilTime({ start, end }: TimeWindow, timeZone: string): CivilTime {
  const [fromMs, untilMs] = [Date.parse(start), Date.parse(end)];
  const format = formatOf(timeZone);
  const hours = () => samples(fromMs, untilMs, HOURS_STEP_MS).map((ms) => shown(format, ms).hour);
  const days = samples(fromMs, Math.min(untilMs, fromMs + 8 * 24 * HOUR_MS), DAYS_STEP_MS);
  return {
    hours: untilMs - fromMs >= LONGEST_DAY_MS ? Array.from({ length: 24 }, (_, hour) => hour) : [...new Set(hours())],
    weekdays: [...new Set(days.map((ms) => shown(format, ms).weekday))],
    startTimeMs: timeOfDayMs(format, fromMs),
    endTimeMs: timeOfDayMs(format, untilMs),
  };
}

/** Moments of a window, its first and its last among them. */
function samples(fromMs: number, untilMs: number, stepMs: number): number[] {
  const count = Math.ceil((untilMs - fromMs) / stepMs);
  return [...Array.from({ length: count }, (_, index) => fromMs + index * stepMs), untilMs - 1];
}

function timeOfDayMs(format: Intl.DateTimeFormat, ms: number): number {
  const { hour, minute, second } = shown(format, ms);
  return hour * HOUR_MS + minute * MINUTE_MS + second * 1_000 + (((ms % 1_000) + 1_000) % 1_000);
}

function shown(format: Intl.DateTimeFormat, ms: number) {
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const number = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  const weekday = (parts.get("weekday") ?? "").toLowerCase();
  return { weekday, hour: number("hour"), minute: number("minute"), second: number("second") };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const clock = { hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" } as const;
  const made = new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "long", ...clock });
  formats.set(timeZone, made);
  return made;
}
