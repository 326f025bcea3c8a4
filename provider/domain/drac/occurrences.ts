import { Temporal } from "temporal-polyfill";
import type { TimeWindow } from "../../aaa/wire.ts";
import type { Recurrence } from "../../lightpath/drac/wire.ts";
import { isTimeZone } from "../policy/civil-time.ts";
import { Refused } from "../refused.ts";

const UNIT = { daily: "days", weekly: "weeks", monthly: "months" } as const;

/**
 * The windows of a recurrent reservation, the first among them. Each begins when the clocks of the zone show what they show at the
 * first one, and lasts as long, whatever was done to the clocks in between: a time that is left out in spring is taken an
 * hour later, of one that comes twice in autumn the first; a day that a month does not have is its last. Throws Refused (400)
 * for a zone that is not known, and for windows that overlap.
 */
export function occurrences({ start, end }: TimeWindow, recurrence: Recurrence): readonly TimeWindow[] {
  if (recurrence.every === "once") return [{ start, end }];
  const { every, times, timeZone } = recurrence;
  if (!isTimeZone(timeZone)) throw new Refused(400, "request.malformed", `there is no time zone ${timeZone}`);
  const durationMs = Date.parse(end) - Date.parse(start);
  const first = Temporal.Instant.from(start).toZonedDateTimeISO(timeZone);
  const starts = Array.from({ length: times }, (_, index) => first.add({ [UNIT[every]]: index }).epochMilliseconds);
  const early = starts.findIndex(
    (startMs, index) => startMs + durationMs > (starts[index + 1] ?? Number.POSITIVE_INFINITY),
  );
  if (early >= 0) throw new Refused(400, "request.malformed", `it lasts longer than until it comes again (${every})`);
  const at = (ms: number): string => new Date(ms).toISOString();
  return starts.map((startMs) => ({ start: at(startMs), end: at(startMs + durationMs) }));
}
