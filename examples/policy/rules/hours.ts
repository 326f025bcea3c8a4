import type { ResourceValidationPolicy } from "@pulumi/policy";
import { validateMove } from "pulumi-turntable/policy";
import { refusedMove } from "./refusal.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const DAY_MINUTES = 24 * 60;
const WEEK_MINUTES = 7 * DAY_MINUTES;

/** From `from` until before `to` ("HH:MM", UTC), on into the next day if `to` is not later. `days`: those it begins on. */
export interface Hours {
  readonly days?: readonly (typeof DAYS)[number][];
  readonly from: string;
  readonly to: string;
}

interface Config {
  readonly allowed: readonly Hours[];
  readonly now?: string;
}

const NAME = "hours";

function minutesOf(time: string): number {
  const [hour, minute] = time.split(":").map(Number);
  return (hour ?? Number.NaN) * 60 + (minute ?? Number.NaN);
}

/** Whether a moment falls into one of the hours. */
export function isWithin(moment: Date, allowed: readonly Hours[]): boolean {
  const minute = moment.getUTCDay() * DAY_MINUTES + moment.getUTCHours() * 60 + moment.getUTCMinutes();
  return allowed.some(({ days = DAYS, from, to }) => {
    const lasts = (minutesOf(to) - minutesOf(from) + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
    return days.some((day) => {
      const begins = DAYS.indexOf(day) * DAY_MINUTES + minutesOf(from);
      return (minute - begins + WEEK_MINUTES) % WEEK_MINUTES < lasts;
    });
  });
}

function written({ days, from, to }: Hours): string {
  return `${days === undefined ? "" : `${days.join(", ")} `}${from}–${to}`;
}

/** VMs move only when it is their time. */
export const hours: ResourceValidationPolicy = {
  name: NAME,
  description: "A move begins within the allowed hours.",
  configSchema: {
    properties: {
      allowed: {
        type: "array",
        items: {
          type: "object",
          required: ["from", "to"],
          additionalProperties: false,
          properties: {
            days: { type: "array", minItems: 1, items: { type: "string", enum: [...DAYS] } },
            from: { type: "string", pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$" },
            to: { type: "string", pattern: "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" },
          },
        },
        default: [{ from: "00:00", to: "24:00" }],
      },
      now: {
        type: "string",
        pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z$",
        description: "Judge as if it were this moment (ISO 8601, UTC), to try a configuration.",
      },
    },
  },
  validateResource: validateMove((move, args, reportViolation) => {
    const { allowed, now } = args.getConfig<Config>();
    const moment = now === undefined ? new Date() : new Date(now);
    if (isWithin(moment, allowed)) return;
    const when = `${DAYS[moment.getUTCDay()]} ${moment.toISOString().slice(11, 16)}`;
    const listed = allowed.map(written).join("; ") || "no hours";
    reportViolation(refusedMove(move, NAME, `it is ${when} UTC; allowed: ${listed}`));
  }),
};
