import type { Aaa } from "../aaa/aaa.ts";
import type { DomainRecord } from "../aaa/domain-record.ts";
import { factsFor, type TimeWindow } from "../aaa/wire.ts";
import { TurntableError } from "../errors.ts";
import { hostKeyFingerprint } from "../host/host-key.ts";
import type { FixedRecord } from "../lightpath/fixed/record.ts";
import type { NsiRecord } from "../lightpath/nsi/record.ts";
import type { Undo } from "./course.ts";
import type { Journal, JournalFile } from "./journal.ts";
import type { Move } from "./move.ts";
import type { PathChoice } from "./placement.ts";

/** How long a path is asked for, for one move. What a move leaves unused is given back at once. */
const MOVE_WINDOW_MS = 60 * 60_000;

/** The right to make exactly this move: a short-lived token that never leaves this process. */
export interface Permit {
  readonly home: DomainRecord | NsiRecord | FixedRecord;
  readonly token: string;
  readonly window: TimeWindow;
  readonly domains: readonly string[];
  /** Until when a path may be asked for with it. */
  readonly expiresAt: string;
  /**
   * A token for that rate until then: under the grant there is, or, where that is not enough and was not declared ahead,
   * under one more, asked of every domain then. So no token is for more than what is needed at its time.
   */
  tokenFor(bandwidthMbps: number, end: string): Promise<string>;
  /** Gives back a grant that was asked for this move alone; one declared ahead stays. */
  giveBack(): Promise<void>;
}

/**
 * Asks every domain on the way for its consent, or uses a grant that holds them; a fixed path needs none, but its link may be
 * shared, and a provider of NSI's Connection Service decides by the certificate that it is shown.
 */
export async function authorize(
  move: Move,
  aaaOf: (home: DomainRecord) => Aaa,
  journal: Journal,
  undo: Undo,
): Promise<Permit | undefined> {
  const { path, from, to, vm, labels } = move;
  if (path.kind === "fixed") {
    return path.link && withoutToken({ kind: "fixed", link: path.link, rttMs: path.rttMs }, []);
  }
  if (path.kind === "nsi") return withoutToken(nsiRecordOf(path), [path.provider]);
  const home = homeOf(move, path);
  const aaa = aaaOf(home);
  const { bandwidthMbps, encryption } = path;
  const between: [string, string] = [from.location.stp, to.location.stp];
  const scope = { between, from: from.location.stp, vm: vm.name, encryption };
  const constraints = path.kind === "on-demand" ? path.constraints : undefined;
  const wish = { ...scope, constraints, ...factsFor(labels, [from.location.labels, to.location.labels]) };
  const ask = async () => {
    const asking = windowUntil(Date.now() + MOVE_WINDOW_MS);
    await journal.borrow({ home, asking });
    return await aaa.requestGrant({ ...wish, bandwidthMbps, window: asking });
  };
  const further: NonNullable<JournalFile["borrowed"]["further"]> = [];
  const askFurther = async (more: number, asking: TimeWindow) => {
    await journal.borrow({ further: [...further, { asking }] });
    const given = await aaa.requestGrant({ ...wish, bandwidthMbps: more, window: asking });
    further.push({ asking, grant: given.id });
    await journal.borrow({ further });
    return { bandwidthMbps: more, ...given };
  };
  const grant = move.grant ? await declaredGrant(aaa, move.grant) : await ask();
  const giveBack = async () => {
    if (move.grant) return;
    for (const { grant: id = grant.id } of [{ grant: grant.id }, ...further]) await aaa.revokeGrant(id);
  };
  undo("the grant", giveBack);
  if (!move.grant) await journal.borrow({ grant: grant.id });
  const window = move.grant
    ? windowUntil(Math.min(Date.parse(grant.window.end), Date.now() + MOVE_WINDOW_MS))
    : grant.window;
  const mint = async (jwt: string, rate: number, time: TimeWindow) =>
    await aaa.mintToken({
      ...{ grant: jwt, from: from.location.stp, to: to.location.stp, bandwidthMbps: rate, window: time, vm: vm.name },
      ...{ siteKey: hostKeyFingerprint(to.record.hostKey), encryption },
    });
  const given = [{ ...grant, bandwidthMbps }];
  const tokenFor = async (rate: number, end: string) => {
    const time = windowUntil(Date.parse(end));
    const enough = given.find((one) => rate <= one.bandwidthMbps && Date.parse(end) <= Date.parse(one.window.end));
    const under = enough ?? (move.grant ? grant : await askFurther(rate, time));
    if (under !== grant && enough === undefined) given.push({ ...under, bandwidthMbps: rate });
    return (await mint(under.jwt, rate, time)).token;
  };
  const { token, domains, expiresAt } = await mint(grant.jwt, bandwidthMbps, window);
  return { home, token, window, domains, expiresAt, tokenFor, giveBack };
}

type NsiChoice = Extract<PathChoice, { kind: "nsi" }>;

/** The provider of a path, apart from what the path shall be. */
export function nsiRecordOf({ bandwidthMbps: _, mtu: __, encryption: ___, ...record }: NsiChoice): NsiRecord {
  return record;
}

/** Nothing to be minted, shown or given back. */
function withoutToken(home: NsiRecord | FixedRecord, domains: readonly string[]): Permit {
  const window = windowUntil(Date.now() + MOVE_WINDOW_MS);
  const nothing = { token: "", tokenFor: async () => "", giveBack: async () => undefined };
  return { home, window, expiresAt: window.end, domains, ...nothing };
}

/** The domain that is asked for all others. */
export function homeOf({ grant, from }: Move, path: Exclude<PathChoice, { kind: "fixed" | "nsi" }>): DomainRecord {
  return grant?.home ?? path.home ?? from.location.domain;
}

function windowUntil(endMs: number): TimeWindow {
  return { start: new Date().toISOString(), end: new Date(endMs).toISOString() };
}

async function declaredGrant(aaa: Aaa, { id, jwt, home }: NonNullable<Move["grant"]>) {
  const status = await aaa.grantStatus(id);
  if (status?.state === "active") return { id, jwt, window: status.window };
  throw new TurntableError("domain.refused", `the grant ${id} is ${status?.state ?? `not known to ${home.name}`}`, {
    retry: "never",
    next: "Declare a new AuthToken for this move, or leave `grant` out to ask for one on demand.",
  });
}
