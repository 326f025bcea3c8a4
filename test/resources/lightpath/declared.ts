import type { Grant, PathConstraints, TimeWindow } from "../../../provider/aaa/wire.ts";
import type { Context } from "../../../provider/context.ts";
import type { Properties } from "../../../provider/resource.ts";
import { lightpathResource } from "../../../provider/resources/lightpath.ts";
import { type Domains, grantFor, wishFor } from "../../domain/agents.ts";
import { AMS, SAN } from "../../domain/testbed.ts";
import { composed, listener } from "../declarations.ts";

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TOMORROW = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;

/** So many days after tomorrow, from an hour of the day (UTC) for an hour. */
export function hourOn(day: number, hour: number): TimeWindow {
  const [start, end] = [hour, hour + 1].map((at) => new Date(TOMORROW + day * DAY_MS + at * HOUR_MS).toISOString());
  return { start: start ?? "", end: end ?? "" };
}

const end = (name: string, stp: string) => ({ name, stp, siteKey: "SHA256:0123456789" });

/** A lightpath of alice's between ams and san, as `up` and `refresh` work with it; `drac` may stand before the domain's. */
export function lightpathOf(domains: Domains, drac?: Context["drac"]) {
  const narrator = listener();
  const { id: callerId, key: callerKey } = domains.bed.clients.alice;
  const context = composed({ callerId, callerKey }, narrator);
  const resource = lightpathResource({ ...context, ...(drac ? { drac } : {}) });
  const home = domains.bed.records["ams.example"];
  /** What alice has reserved. */
  const standing = async () => {
    const all = await domains.drac("ams.example").list();
    return all.filter(({ state }) => state !== "terminated" && state !== "timed-out");
  };
  return {
    ...{ resource, narrator, rest: () => context.rest() },
    /** Whatever it is declared for, between two moments. */
    grant: async (window: TimeWindow, constraints?: PathConstraints) => {
      const wish = grantFor(wishFor({ bandwidthMbps: 600, window }));
      return await domains.aaa("ams.example").requestGrant({ ...wish, ...(constraints ? { constraints } : {}) });
    },
    reference: ({ id, jwt, window }: Grant) => ({ id, jwt, window, home }),
    declared: (changes: Properties): Properties => ({
      ...{ between: [end("ams", AMS), end("san", SAN)], bandwidthMbps: 600, vm: "radar", ...changes },
    }),
    /** Checked and created, as `up` does it; resolves with what stands in the state. */
    make: async (news: Properties) => {
      const { inputs, failures } = await resource.check({ olds: {}, news });
      if (failures.length > 0) throw new Error(JSON.stringify(failures));
      return { inputs, ...(await resource.create({ inputs })) };
    },
    standing,
    /** Gives all of it back, so that another test finds room. */
    clear: async () => {
      for (const { connectionId } of await standing()) await domains.drac("ams.example").terminate(connectionId);
    },
  };
}
