import type { Entry, Fact } from "./entry.ts";

/** Two switches see the first and the last frame of a connection at different times. */
const SECONDS_TOLERANCE = 30;
/** What stands in queues, or was lost, when one of them looks. */
const BYTES_TOLERANCE = { share: 0.05, bytes: 1_000_000 };

type Of<Event extends Fact["event"]> = Extract<Fact, { event: Event }>;

/** One domain's ledger, verified. */
export interface Ledgered {
  readonly domain: string;
  readonly entries: readonly Entry[];
}

/**
 * What two domains' ledgers do not tell alike, one sentence each: a right that one gave and the other does not know,
 * the same right with other terms, a connection that only one reserved or lit, uses that differ in length or size.
 */
export function crossCheck(one: Ledgered, other: Ledgered): readonly string[] {
  return [
    ...rights(one, other),
    ...rights(other, one),
    ...absent(one, other),
    ...absent(other, one),
    ...shared(one, other),
  ];
}

function pick<Event extends Fact["event"]>({ entries }: Ledgered, event: Event): readonly Of<Event>[] {
  return entries.flatMap(({ fact }) => (is(fact, event) ? [fact] : []));
}

function is<Event extends Fact["event"]>(fact: Fact, event: Event): fact is Of<Event> {
  return fact.event === event;
}

/** What `home` granted, the other on the way must have agreed to; what the other agreed to, home must know of. */
function rights(home: Ledgered, other: Ledgered): readonly string[] {
  const consents = pick(other, "consent").filter((consent) => consent.home === home.domain);
  const grants = pick(home, "grant");
  const known = new Set([...grants, ...pick(home, "withheld")].map(({ grant }) => grant));
  const unconfirmed = grants
    .filter(({ domains }) => domains.includes(other.domain))
    .flatMap((grant) => {
      const consent = consents.find((one) => one.grant === grant.grant);
      if (consent === undefined) return [`${other.domain} has no consent to grant ${grant.grant} of ${home.domain}`];
      return terms(consent) === terms(grant) ? [] : [differing(`grant ${grant.grant}`, home, grant, other, consent)];
    });
  const unknown = consents
    .filter(({ grant }) => !known.has(grant))
    .map(({ grant }) => `${home.domain} does not know of grant ${grant}, to which ${other.domain} consented`);
  return [...unconfirmed, ...unknown];
}

type Terms = Pick<Of<"grant">, "subject" | "vm" | "between" | "bandwidthMbps" | "window">;

function terms({ subject, vm, between, bandwidthMbps, window }: Terms): string {
  const ends = between.toSorted().join(" and ");
  return `${subject}, ${vm}, between ${ends}, ${bandwidthMbps} Mbps, ${window.start} to ${window.end}`;
}

function differing(what: string, one: Ledgered, mine: Terms, other: Ledgered, theirs: Terms): string {
  return `${what} differs: ${one.domain} has ${terms(mine)}; ${other.domain} has ${terms(theirs)}`;
}

/** What `one` has a part of, and the other, though it is on the way, has not. */
function absent(one: Ledgered, other: Ledgered): readonly string[] {
  const theirs = new Set(pick(other, "reserved").map(({ connection }) => connection));
  const onTheWay = wayOf(one, other);
  return pick(one, "reserved")
    .filter(({ connection, grant }) => !theirs.has(connection) && onTheWay(grant))
    .map(({ connection }) => `${other.domain} has no part of connection ${connection}, which ${one.domain} reserved`);
}

/** Each connection that both have a part of. */
function shared(one: Ledgered, other: Ledgered): readonly string[] {
  const theirs = new Map(pick(other, "reserved").map((fact) => [fact.connection, fact]));
  return pick(one, "reserved").flatMap((mine) => {
    const its = theirs.get(mine.connection);
    if (its === undefined) return [];
    const what = `connection ${mine.connection}`;
    const differs = terms(mine) === terms(its) ? [] : [differing(what, one, mine, other, its)];
    return [...differs, ...uses(what, one, other, mine.connection)];
  });
}

/** Whether a grant's way leads through both: known where either is its home, or the other consented to it. */
function wayOf(one: Ledgered, other: Ledgered): (grant: string) => boolean {
  const granted = [...pick(one, "grant"), ...pick(other, "grant")].filter(({ domains }) =>
    domains.includes(other.domain),
  );
  const through = new Set([...granted, ...pick(other, "consent")].map(({ grant }) => grant));
  return (grant) => through.has(grant);
}

function uses(what: string, one: Ledgered, other: Ledgered, connection: string): readonly string[] {
  const [mine, its] = [one, other].map((ledger) => total(pick(ledger, "dark"), connection));
  if (mine === undefined || its === undefined) return [];
  const told = (ledger: Ledgered, { seconds, bytes }: Use) => `${ledger.domain} has ${seconds} s and ${bytes} bytes`;
  const late = Math.abs(mine.seconds - its.seconds) > SECONDS_TOLERANCE * Math.max(1, mine.times, its.times);
  const most = Math.max(mine.bytes, its.bytes);
  const apart = Math.abs(mine.bytes - its.bytes) > BYTES_TOLERANCE.bytes + BYTES_TOLERANCE.share * most;
  const counted = mine.counted && its.counted;
  if (!late && !(counted && apart)) return [];
  return [`the use of ${what} differs: ${told(one, mine)}; ${told(other, its)}`];
}

interface Use {
  readonly times: number;
  readonly seconds: number;
  readonly bytes: number;
  /** Whether the switch could tell the bytes of every time. */
  readonly counted: boolean;
}

function total(all: readonly Of<"dark">[], connection: string): Use {
  const mine = all.filter((fact) => fact.connection === connection);
  return {
    times: mine.length,
    seconds: mine.reduce((sum, { seconds }) => sum + seconds, 0),
    bytes: mine.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    counted: mine.every(({ bytes }) => bytes !== undefined),
  };
}
