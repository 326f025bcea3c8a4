import { reasonOf, TurntableError } from "../errors.ts";
import { type Attachment, attach } from "../lightpath/attachment.ts";
import type { Connection, Lightpath } from "../lightpath/lightpath.ts";
import type { Permit } from "./authorize.ts";
import type { PathChoice } from "./placement.ts";

/** By what right a declared path is changed, and whose it is. */
export interface Right {
  readonly vm: string;
  readonly tokenFor: Permit["tokenFor"];
}

/** What a re-cast path shall carry, and its ends at the hosts that are to stay on it. */
export interface Lesser {
  readonly connectionId: string;
  readonly ends: readonly Attachment[];
  readonly bandwidthMbps: number;
}

/** What a path carries between moves, in Mbit/s. Undefined: it is dark then, or is not there. */
export function lesserMbps(path: PathChoice): number | undefined {
  return path.kind === "reserved" && path.afterUse !== "release" ? path.afterUse.recast.bandwidthMbps : undefined;
}

/**
 * Before a use: what carries less than was declared, since it was re-cast, carries all of it again, without a gap for what
 * goes on over it. Resolves with the connection, or with undefined if it does already. Rejects with domain.* if the network
 * cannot give it back: then it is as it was.
 */
export async function raiseAgain(
  lightpath: Lightpath,
  { connectionId, bandwidthMbps }: Extract<PathChoice, { kind: "reserved" }>,
  { vm, tokenFor }: Right,
): Promise<Connection | undefined> {
  const connection = await lightpath.query(connectionId);
  if (connection === undefined || connection.bandwidthMbps >= bandwidthMbps) return undefined;
  try {
    const token = await tokenFor(bandwidthMbps, connection.window.end);
    return await lightpath.modify(connectionId, { vm, bandwidthMbps }, token);
  } catch (thrown) {
    throw notRaised(connection, bandwidthMbps, thrown);
  }
}

/**
 * After a use: it goes on with less, and both hosts on it. First the hosts, then the domains: what is sent fits the way at
 * every moment, and nothing of it is lost. Resolves with whether it is lit; one that is not is left as it is. Rejects with
 * domain.* if the network does not lower it: then it carries more than it shall.
 */
export async function recast(
  lightpath: Lightpath,
  { connectionId, ends, bandwidthMbps }: Lesser,
  { vm, tokenFor }: Right,
): Promise<boolean> {
  const connection = await lightpath.query(connectionId);
  if (connection?.state !== "provisioned") return false;
  await Promise.all(ends.map((end) => attach({ ...end, bandwidthMbps })));
  if (connection.bandwidthMbps === bandwidthMbps) return true;
  const token = await tokenFor(bandwidthMbps, connection.window.end);
  await lightpath.modify(connectionId, { vm, bandwidthMbps }, token);
  return true;
}

function notRaised({ connectionId, bandwidthMbps: now }: Connection, wantedMbps: number, thrown: unknown): unknown {
  if (!(thrown instanceof TurntableError)) return thrown;
  const { code, retry, next } = thrown;
  const why = reasonOf(thrown).replace(` (${code}). ${next}`, "");
  const what = `the path ${connectionId}, re-cast to ${now} Mbps, cannot be raised to ${wantedMbps} Mbps again: ${why}`;
  return new TurntableError(code, what, { retry, next, cause: thrown });
}
