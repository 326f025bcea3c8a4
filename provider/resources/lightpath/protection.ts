import type { Drac } from "../../context.ts";
import { TurntableError } from "../../errors.ts";
import type { Connection } from "../../lightpath/lightpath.ts";
import { bareReason, giveBackEach, giveBackUnlessOver } from "../removal.ts";
import { type Holding, outputsOf, reservedFor, stands, tokenUnder, wayOf, windowOf, wishOf } from "./reservation.ts";
import { type Apart, waysApart } from "./ways-apart.ts";

/** Two reservations that do not fail together, a working one and one that protects it: both or neither. */
export function protectedBy(apart: Apart): Holding {
  return {
    reserve: async (context, inputs) => {
      const { grant, protectingGrant = grant, mtu, constraints, vm } = inputs;
      const window = windowOf(inputs);
      const wish = wishOf(inputs, window);
      const drac = context.drac(grant.home);
      const first = await tokenUnder(context, grant, inputs, window);
      const second = await tokenUnder(context, protectingGrant, inputs, window);
      const { from, to, bandwidthMbps } = wish;
      const wanted = { from, to, bandwidthMbps, window, constraints };
      const [one, other] = await waysApart(drac, wanted, apart, [first.domains, second.domains]);
      const working = await drac.reserve({ ...wish, mtu, constraints: one }, first.token);
      const made = [working];
      try {
        const protecting = await drac.reserve({ ...wish, mtu, constraints: other }, second.token);
        made.push(protecting);
        requireNoLinkShared(working, protecting);
        const both = `${working.connectionId}, protected by ${protecting.connectionId}`;
        context.narrator.info(`${reservedFor(inputs)} by two ways until ${window.end} (${both})`);
        return { ...outputsOf(working), protecting: wayOf(protecting) };
      } catch (thrown) {
        throw await givenBack(drac, vm, made, thrown);
      }
    },
    observe: async (context, { grant, vm, connectionId, protecting }) => {
      const query = async (id: string | undefined) =>
        id === undefined ? undefined : await context.lightpath(grant.home).query(id);
      const [first, second] = await Promise.all([query(connectionId), query(protecting?.connectionId)]);
      const lost = "protection is lost, and is had again by the next `pulumi up`";
      if (stands(first)) {
        if (stands(second)) return { ...outputsOf(first), protecting: wayOf(second) };
        if (protecting) context.narrator.warn(`${vm}: ${protecting.connectionId} is gone: ${lost}.`);
        return outputsOf(first);
      }
      if (!stands(second)) return undefined;
      context.narrator.warn(`${vm}: ${connectionId} is gone, ${second.connectionId} takes its place: ${lost}.`);
      return outputsOf(second);
    },
    giveBack: async (context, { grant, vm, connectionId, protecting, reserved }) => {
      const ids = protecting === undefined ? [connectionId] : [connectionId, protecting.connectionId];
      const terminate = (id: string) => async () => await context.lightpath(grant.home).terminate(id);
      const acts = new Map(ids.map((id) => [id, terminate(id)]));
      await giveBackUnlessOver(context, `The lightpath of ${vm}`, reserved.end, () => giveBackEach(acts));
    },
  };
}

/** Between being offered and being reserved, ways may be taken by others. */
function requireNoLinkShared(working: Connection, protecting: Connection): void {
  const ports = crossingsOf(working);
  const shared = crossingsOf(protecting).filter((port) => ports.includes(port));
  if (shared.length === 0) return;
  throw new TurntableError("lightpath.failed", `Both ways lead through ${shared.join(", ")}`, {
    retry: "safe",
    next: "Run `pulumi up` again: others reserved what was offered for it.",
  });
}

/** The ports by which a connection passes from domain to domain: each has one link. */
function crossingsOf({ segments }: Connection): readonly string[] {
  const ports = segments.flatMap(({ domain, in: inner, out }) => [inner, out].map(({ port }) => `${domain}:${port}`));
  return ports.slice(1, -1);
}

/** Nothing is left of a pair that is not whole. Resolves with what is to be said of it. */
async function givenBack(drac: Drac, vm: string, made: readonly Connection[], thrown: unknown): Promise<unknown> {
  const given = await Promise.allSettled(made.map(({ connectionId }) => drac.terminate(connectionId)));
  const left = made.filter((_, index) => given[index]?.status === "rejected");
  if (!(thrown instanceof TurntableError)) return thrown;
  const { code, retry, next } = thrown;
  const what = `${vm} has no second way beside ${made[0]?.connectionId}: ${bareReason(thrown)}.`;
  if (left.length === 0) {
    const ids = made.map(({ connectionId }) => connectionId).join(", ");
    return new TurntableError(code, `${what} Given back: ${ids}`, { retry, next, cause: thrown });
  }
  const stay = left.map(({ connectionId, window }) => `${connectionId} may stay reserved until ${window.end}`);
  return new TurntableError(code, `${what} Not given back: ${stay.join(", ")}`, {
    retry: "unsafe",
    next: "If the next `pulumi up` finds no room, let the domain's operator end it.",
    cause: thrown,
  });
}
