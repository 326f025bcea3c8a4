import { z } from "zod";
import { domainRecord } from "../aaa/domain-record.ts";
import { pathConstraints, timeWindow } from "../aaa/wire.ts";
import type { Context } from "../context.ts";
import { reasonOf } from "../errors.ts";
import type { Properties } from "../resource.ts";

/** A preview waits no longer than this for what it would only like to know. */
const PATIENCE_MS = 2_500;

const end = z.looseObject({ name: z.string(), stp: z.string() });

/** What must be known of a lightpath by the clock for its domain to tell whether it can be had. */
const wanted = z.object({
  between: z.tuple([end, end]),
  bandwidthMbps: z.number(),
  window: timeWindow,
  vm: z.string(),
  grant: z.looseObject({ home: domainRecord }),
  constraints: pathConstraints.optional(),
});

/**
 * Says of a reservation by the clock whether its time is taken, and when it is free next; nothing if it is free, or too
 * little is known of it yet. Never rejects: a domain that does not answer is said to be silent.
 */
export async function sayIfTaken(context: Context, inputs: Properties): Promise<void> {
  const known = wanted.safeParse(inputs);
  if (!known.success) return;
  const { between, bandwidthMbps, window, vm, grant, constraints } = known.data;
  const [from, to] = between;
  const what = `${vm}: ${bandwidthMbps} Mbps between ${from.name} and ${to.name}`;
  const when = `from ${window.start} to ${window.end}`;
  try {
    const request = { from: from.stp, to: to.stp, bandwidthMbps, window, constraints };
    const { startsAt } = await soon(grant.home.name, context.lightpath(grant.home).offer(request));
    const lateMs = Date.parse(startsAt) - Date.parse(window.start);
    if (lateMs <= 0) return;
    const until = new Date(Date.parse(window.end) + lateMs).toISOString();
    context.narrator.warn(`${what} are not free ${when}: next free for as long from ${startsAt} to ${until}`);
  } catch (thrown) {
    context.narrator.warn(`${what}: not known whether they are free ${when}: ${reasonOf(thrown)}`);
  }
}

async function soon<T>(whom: string, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const silent = new Error(`${whom} gave no answer in ${PATIENCE_MS / 1_000} s`);
  const timer = setTimeout(() => late.reject(silent), PATIENCE_MS);
  return await Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}
