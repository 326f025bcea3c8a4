import type { Aaa } from "../aaa/aaa.ts";
import type { DomainRecord } from "../aaa/domain-record.ts";
import { factsFor, type PathConstraints, type TimeWindow } from "../aaa/wire.ts";
import { TurntableError } from "../errors.ts";
import { hostKeyFingerprint } from "../host/host-key.ts";
import type { FixedRecord } from "../lightpath/fixed/record.ts";
import type { NsiRecord } from "../lightpath/nsi/record.ts";
import type { OscarsRecord } from "../lightpath/oscars/record.ts";
import type { Undo } from "./course.ts";
import type { Journal, JournalFile } from "./journal.ts";
import type { Move } from "./move.ts";
import type { PathChoice } from "./placement.ts";

/** How long a path is asked for, for one move. What a move leaves unused is given back at once. */
const MOVE_WINDOW_MS = 60 * 60_000;

/** The right to make exactly this move: a short-lived token that never leaves this process. */
export interface Permit {
  readonly home: DomainRecord | NsiRecord | OscarsRecord | FixedRecord;
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
  /**
   * The right to make the same move without this link: under another grant, for which the one so far is given back, or
   * under the same one if that was declared ahead. Undefined where whoever lends chooses the way alone.
   */
  readonly elsewhere: ((link: string) => Promise<Permit>) | undefined;
  /** Gives back a grant that was asked for this move alone; one declared ahead stays. */
  giveBack(): Promise<void>;
}

/**
 * Asks every domain on the way for its consent, or uses a grant that holds them; a fixed path needs none, but its link may be
 * shared; a provider of NSI's Connection Service decides by the certificate that it is shown, an OSCARS by a token of its own.
 */
export async function authorize(
  move: Move,
  aaaOf: (home: DomainRecord) => Aaa,
  journal: Journal,
  undo: Undo,
): Promise<Permit | undefined> {
  const { path, from, to, vm, labels, epoch } = move;
  if (path.kind === "fixed") {
    return path.link && withoutToken({ kind: "fixed", link: path.link, rttMs: path.rttMs }, []);
  }
  if (path.kind === "nsi") return withoutToken(nsiRecordOf(path), [path.provider]);
  if (path.kind === "oscars") return withoutToken(oscarsRecordOf(path), [new URL(path.url).hostname]);
  const home = homeOf(move, path);
  const aaa = aaaOf(home);
  const { bandwidthMbps, encryption } = path;
  const between: [string, string] = [from.location.stp, to.location.stp];
  const scope = { between, from: from.location.stp, vm: vm.name, encryption };
  const facts = factsFor(labels, [from.location.labels, to.location.labels]);
  const avoided: string[] = [];
  const request = async (rate: number, window: TimeWindow) => {
    const constraints = path.kind === "on-demand" ? around(path.constraints, avoided) : undefined;
    const given = await aaa.requestGrant({ ...scope, ...facts, constraints, bandwidthMbps: rate, window });
    return { bandwidthMbps: rate, ...given };
  };
  const ask = async () => {
    const asking = windowUntil(Date.now() + MOVE_WINDOW_MS);
    await journal.borrow({ home, asking });
    return await request(bandwidthMbps, asking);
  };
  const further: NonNullable<JournalFile["borrowed"]["further"]> = [];
  const askFurther = async (more: number, asking: TimeWindow) => {
    await journal.borrow({ further: [...further, { asking }] });
    const given = await request(more, asking);
    further.push({ asking, grant: given.id });
    await journal.borrow({ further });
    return given;
  };
  const grant = move.grant ? await declaredGrant(aaa, move.grant) : await ask();
  const giveBack = async () => {
    if (move.grant) return;
    for (const { grant: id = grant.id } of [{ grant: grant.id }, ...further]) await aaa.revokeGrant(id);
  };
  undo("the grant", giveBack);
  if (!move.grant) await journal.borrow({ grant: grant.id });
  const mint = async (jwt: string, rate: number, time: TimeWindow) =>
    await aaa.mintToken({
      ...{ grant: jwt, from: from.location.stp, to: to.location.stp, bandwidthMbps: rate, window: time, vm: vm.name },
      ...{ siteKey: hostKeyFingerprint(to.record.hostKey), epoch, encryption },
    });
  const given: [Given, ...Given[]] = [{ ...grant, bandwidthMbps }];
  const tokenFor = async (rate: number, end: string) => {
    const time = windowUntil(Date.parse(end));
    const enough = given.find((one) => rate <= one.bandwidthMbps && Date.parse(end) <= Date.parse(one.window.end));
    const under = enough ?? (move.grant ? grant : await askFurther(rate, time));
    if (under !== grant && enough === undefined) given.push({ ...under, bandwidthMbps: rate });
    return (await mint(under.jwt, rate, time)).token;
  };
  const permit = async (): Promise<Permit> => {
    const [{ jwt, window: granted }] = given;
    const endMs = Date.parse(granted.end);
    const window = move.grant ? windowUntil(Math.min(endMs, Date.now() + MOVE_WINDOW_MS)) : granted;
    const { token, domains, expiresAt } = await mint(jwt, bandwidthMbps, window);
    return { home, token, window, domains, expiresAt, tokenFor, elsewhere, giveBack };
  };
  const elsewhere = async (link: string): Promise<Permit> => {
    avoided.push(link);
    if (move.grant === undefined) {
      // What was granted counts among what this caller has, until it is given back.
      await giveBack();
      given.splice(0, given.length, await askFurther(bandwidthMbps, windowUntil(Date.now() + MOVE_WINDOW_MS)));
    }
    return await permit();
  };
  return await permit();
}

/** Keeps to the constraints, and avoids these links too. */
export function around(
  constraints: PathConstraints | undefined,
  links: readonly string[],
): PathConstraints | undefined {
  if (links.length === 0) return constraints;
  return { ...constraints, avoidLinks: [...new Set([...(constraints?.avoidLinks ?? []), ...links])] };
}

interface Given {
  readonly id: string;
  readonly jwt: string;
  readonly window: TimeWindow;
  readonly bandwidthMbps: number;
}

type NsiChoice = Extract<PathChoice, { kind: "nsi" }>;

/** The provider of a path, apart from what the path shall be. */
export function nsiRecordOf({ bandwidthMbps: _, mtu: __, encryption: ___, ...record }: NsiChoice): NsiRecord {
  return record;
}

type OscarsChoice = Extract<PathChoice, { kind: "oscars" }>;

/** The controller of a path, apart from what the path shall be. */
export function oscarsRecordOf(path: OscarsChoice): OscarsRecord {
  const { bandwidthMbps: _, maxBandwidthMbps: __, mtu: ___, encryption: ____, ...record } = path;
  return record;
}

/** Nothing to be minted, shown or given back. */
function withoutToken(home: NsiRecord | OscarsRecord | FixedRecord, domains: readonly string[]): Permit {
  const window = windowUntil(Date.now() + MOVE_WINDOW_MS);
  const nothing = { token: "", tokenFor: async () => "", elsewhere: undefined, giveBack: async () => undefined };
  return { home, window, expiresAt: window.end, domains, ...nothing };
}

/** The domain that is asked for all others. */
export function homeOf(
  { grant, from }: Move,
  path: Exclude<PathChoice, { kind: "fixed" | "nsi" | "oscars" }>,
): DomainRecord {
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
