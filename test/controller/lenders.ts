import { expect } from "vitest";
import { seatOf } from "../../provider/controller/company.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { type Domains, startDomains } from "../domain/agents.ts";
import { AMS, policiesUpTo } from "../domain/testbed.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

export const ON_DEMAND = { kind: "on-demand", bandwidthMbps: 600, mtu: 9000, encryption: "tls" } as const;
/** Refuses what it is told all of. */
const TOLD = `
  @id("told") @reason("all of it was told") forbid (principal, action, resource) when {
    resource.hasTag("tier") && resource.getTag("tier") == "gold" && context.purpose == "drill" && context.encrypted &&
    context.from == Site::"${AMS}" && context.from.jurisdiction == "eu" && context.to.jurisdiction == "us"
  };`;

/** Three domains that lend grants and paths to moves between two sites; the sites are new for each test. */
export class Lenders {
  #domains: Domains | undefined;
  #sites: TwoSites | undefined;
  /** What is to be taken back, in the order in which it was done. */
  undos: { what: string; act: () => Promise<void> }[] = [];

  /** Before all tests. */
  async open(): Promise<void> {
    this.#domains = await startDomains(undefined, (name) =>
      name === "transit.example" ? `${policiesUpTo(700)} ${TOLD}` : policiesUpTo(1_000),
    );
  }

  async close(): Promise<void> {
    await this.#domains?.end();
  }

  /** Before each test. */
  async prepare(): Promise<void> {
    this.#sites = await twoSites();
    this.undos = [];
  }

  async end(): Promise<void> {
    await this.#sites?.close();
  }

  get domains(): Domains {
    return this.#domains ?? expect.unreachable("no test is running");
  }

  get sites(): TwoSites {
    return this.#sites ?? expect.unreachable("no test is running");
  }

  readonly undo = (what: string, act: () => Promise<void>) => void this.undos.push({ what, act });
  readonly waits = (why: string) => expect.unreachable(why);
  readonly company = (move: Move) => {
    return { ...seatOf(move, this.sites.context), waits: this.waits, say: this.waits };
  };
  readonly aaa = () => this.domains.aaa("ams.example");
  readonly drac = () => this.domains.drac("ams.example");

  /** A move that has begun, and its journal. */
  readonly begun = async (change: Partial<Move> = {}): Promise<{ move: Move; journal: Journal }> => {
    const home = this.domains.bed.records["ams.example"];
    const move = { ...(await this.sites.moveOf({ ...ON_DEMAND, home })), ...change };
    return { move, journal: new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from)) };
  };

  /** Another VM's move between the same hosts. */
  readonly neighbour = async (name: string) => {
    const { move: first } = await this.begun();
    const at = (end: Move["to"]) => ({ ...end, place: { ...end.place, directory: `${end.record.storage}/${name}` } });
    const move = { ...first, id: name, vm: { ...first.vm, name }, from: at(first.from), to: at(first.to) };
    return { move, journal: new Journal({ move: name, from: "ams", to: "san", epoch: 2 }, shelfOf(move.from)) };
  };

  /** Grants and paths that the domains hold for what the journal names. */
  readonly held = async (move: Move): Promise<{ grant?: string | undefined; connection?: string | undefined }> => {
    const borrowed = (await readJournal(shelfOf(move.from)))?.borrowed;
    const grant = borrowed?.grant === undefined ? undefined : await this.aaa().grantStatus(borrowed.grant);
    const connection = borrowed?.connection === undefined ? undefined : await this.drac().query(borrowed.connection);
    return { grant: grant?.state, connection: connection?.state };
  };
}
