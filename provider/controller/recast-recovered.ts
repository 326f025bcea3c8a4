import type { Context } from "../context.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import { hostKeyFingerprint } from "../host/host-key.ts";
import type { Permit } from "./authorize.ts";
import type { JournalFile } from "./journal.ts";
import type { End } from "./move.ts";
import { endsOf } from "./path-ends.ts";
import type { GrantReference } from "./placement.ts";
import { recast } from "./recast.ts";

/**
 * After a move that broke off: a path that was declared so is re-cast, by a token minted anew, with the hosts on it that the
 * journal names. Resolves with whether it goes on so: without a grant, or where a domain refuses, it does not, and is to be put
 * out. Rejects with domain.unreachable.
 */
export async function recastAfter(
  context: Context,
  vm: string,
  journal: JournalFile,
  ends: readonly End[],
  grant: GrantReference | undefined,
): Promise<boolean> {
  const { home, connection: connectionId, recastMbps } = journal.borrowed;
  if (home === undefined || connectionId === undefined || recastMbps === undefined || grant === undefined) return false;
  const lightpath = context.lightpath(home);
  const way = await lightpath.query(connectionId);
  const [from, to] = journal.lit.map(({ site, host }) =>
    ends.find(({ location, record }) => location.name === site && record.name === host),
  );
  const lesser = {
    connectionId,
    ends: way && from && to ? endsOf([from, to], way, way) : [],
    bandwidthMbps: recastMbps,
  };
  try {
    return await recast(lightpath, lesser, { vm, tokenFor: tokensUnder(context, vm, journal, grant) });
  } catch (thrown) {
    if (!(thrown instanceof TurntableError) || thrown.code !== "domain.refused") throw thrown;
    context.narrator.warn(`${vm}: the path ${connectionId} is put out, since it is not re-cast: ${reasonOf(thrown)}`);
    return false;
  }
}

/** For the same move. */
function tokensUnder({ aaa }: Context, vm: string, journal: JournalFile, grant: GrantReference): Permit["tokenFor"] {
  const [from, to] = [journal.from, journal.to].map((site) => journal.locations.find(({ name }) => name === site));
  return async (bandwidthMbps, end) => {
    const [host] = to?.hosts ?? [];
    if (!from || !to || !host) throw new TypeError("a journal names both sites of its move");
    const { token } = await aaa(grant.home).mintToken({
      ...{ grant: grant.jwt, from: from.stp, to: to.stp, bandwidthMbps, vm, epoch: journal.epoch },
      ...{ window: { start: new Date().toISOString(), end }, siteKey: hostKeyFingerprint(host.hostKey) },
    });
    return token;
  };
}
