import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { occupancy } from "../../provider/domain/wire.ts";
import { reasonOf, TurntableError } from "../../provider/errors.ts";
import { entriesOf } from "../accounting/ledgers.ts";
import { type Domains, startDomains, windowIn } from "../domain/agents.ts";
import { type ConfigFile, NAMES, type Name, TOPOLOGY } from "../domain/testbed.ts";

/** Who refuses what no domain gets to see. */
export const CONTROLLER = "the controller";

/** Who refused an attack, and why: what `npm run test:attacks` prints. */
export interface Refusal {
  readonly by: Name | typeof CONTROLLER;
  readonly reason: string;
}

declare module "vitest" {
  interface TaskMeta {
    /** Of an attack that was refused as it should be. */
    refusal?: Refusal;
  }
}

/** Who should refuse, and what the reason must say. */
interface Expected {
  readonly by: Refusal["by"];
  readonly reason: RegExp;
}

/** Three domains, and what is done to them. */
export interface Scene {
  readonly domains: Domains;
  /**
   * A test that an attack is refused by the right party for the right reason, that the party, if it is a domain, has it in
   * its accounts, and that nothing more is reserved anywhere than before. `act` rejects with what the attacker is told.
   */
  attack(name: string, expected: Expected, act: () => Promise<unknown>): void;
}

/** Has three domains run for the tests of this file. */
export function underAttack(adjust?: (config: ConfigFile) => ConfigFile, policiesOf?: (name: Name) => string): Scene {
  let domains: Domains;
  const refused: Refusal[] = [];
  beforeAll(async () => {
    domains = await startDomains(adjust, policiesOf);
  });
  afterAll(async () => {
    // What was refused more than once within a minute is counted in one more record, at the latest when an agent ends.
    await Promise.all(NAMES.map((name) => domains.stop(name)));
    for (const one of refused) {
      const times = refused.filter(({ by, reason }) => by === one.by && reason === one.reason).length;
      expect(timesRefused(domains, one), JSON.stringify(one)).toBeGreaterThanOrEqual(one.by === CONTROLLER ? 1 : times);
    }
    await domains.end();
  });
  return {
    get domains() {
      return domains;
    },
    attack: (name, expected, act) => {
      test(name, async ({ task }) => {
        const before = await takenAnywhere(domains);
        const told = refusalIn(
          await act().then(
            () => undefined,
            (thrown: unknown) => thrown,
          ),
        );
        expect(told).toEqual({ by: expected.by, reason: expect.stringMatching(expected.reason) });
        await expect.poll(() => timesRefused(domains, told)).toBeGreaterThan(0);
        expect(await takenAnywhere(domains)).toEqual(before);
        refused.push(told);
        tell(task, told);
      });
    },
  };
}

/** Has the reporter print an attack that was refused. */
export function tell(task: TestContext["task"], refusal: Refusal): void {
  task.meta.refusal = refusal;
}

/** Who refused, and why, by what the attacker was told. Throws if nobody did. */
function refusalIn(thrown: unknown): Refusal {
  if (!(thrown instanceof TurntableError)) throw new Error(`it was not refused: ${reasonOf(thrown)}`);
  const { message, code } = thrown;
  const told =
    /^(?<by>\S+) refused (?:by its policy "[^"]*" )?to .*?: (?<reason>.*) \[[\w.-]+\] \(domain\.refused\)\./s;
  const { by, reason = "" } = told.exec(message)?.groups ?? {};
  const domain = NAMES.find((name) => name === by);
  if (domain !== undefined) return { by: domain, reason };
  return { by: CONTROLLER, reason: message.slice(0, message.indexOf(` (${code}). `)) };
}

/** How often a domain accounts for having refused this itself; what no domain gets to see is in no accounts. */
function timesRefused({ bed }: Domains, { by, reason }: Refusal): number {
  if (by === CONTROLLER) return 1;
  const counts = entriesOf(bed, by).map(({ fact }) =>
    fact.event === "refusal" && fact.by === by && fact.reason === reason ? fact.count : 0,
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What of every domain's ports is held or reserved, as its peers are told. */
export async function takenAnywhere({ bed }: Domains) {
  const window = windowIn(-3_600, 86_400);
  return await Promise.all(
    NAMES.map(async (name, index) => {
      const asker = NAMES[(index + 1) % NAMES.length] ?? name;
      const channel = new Channel(bed.records[name], callerOf(bed.signing[asker]), 10_000);
      const ends = [...TOPOLOGY.stps, ...TOPOLOGY.links.flatMap(({ a, b }) => [a, b])];
      const ports = [...new Set(ends.filter(({ domain }) => domain === name).map(({ port }) => port))];
      const path = ["drac", "occupancy"];
      const answer = await channel.ask({ method: "POST", path, body: { ports, window }, answer: occupancy });
      await channel.close();
      return [name, answer] as const;
    }),
  );
}
