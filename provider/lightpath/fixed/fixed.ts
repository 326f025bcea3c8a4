import { randomUUID } from "node:crypto";
import { TurntableError } from "../../errors.ts";
import type { Connection, Offer, OfferRequest, ReserveRequest } from "../drac/wire.ts";
import type { Lightpath, Modification } from "../lightpath.ts";
import { Riders } from "../riders.ts";
import type { FixedRecord } from "./record.ts";

/** What this process's moves take of links, by link. */
export class Shares {
  readonly #taken = new Map<string, Map<string, Connection>>();

  of(link: string): Map<string, Connection> {
    const taken = this.#taken.get(link) ?? new Map<string, Connection>();
    this.#taken.set(link, taken);
    return taken;
  }
}

/**
 * Shares of a link that is always there: a VPN, a leased line. Each move takes its rate of it, all of them no more than
 * it carries. Nobody is asked, so this counts only what this process gives out, and forgets it when it ends.
 */
export class FixedLightpath implements Lightpath {
  readonly #record: FixedRecord;
  readonly #taken: Map<string, Connection>;
  readonly #riders = new Riders();

  constructor(record: FixedRecord, shares: Shares) {
    this.#record = record;
    this.#taken = shares.of(record.link.name);
  }

  async offer({ bandwidthMbps }: OfferRequest): Promise<Offer> {
    this.#requireRoom(bandwidthMbps);
    const startsAt = new Date().toISOString();
    return { hops: [], links: [], rttMs: this.#record.rttMs, startsAt, freeMbps: this.#freeMbps() };
  }

  async reserve(request: ReserveRequest): Promise<Connection> {
    this.#requireRoom(request.bandwidthMbps);
    const connectionId = randomUUID();
    this.#riders.board(connectionId, request.vm);
    return this.#put({ connectionId, state: "reserved", ...request, segments: [], rttMs: this.#record.rttMs });
  }

  async provision(connectionId: string): Promise<Connection> {
    return this.#put({ ...this.#known(connectionId), state: "provisioned" });
  }

  async modify(connectionId: string, { bandwidthMbps, end }: Modification): Promise<Connection> {
    const now = this.#known(connectionId);
    const rate = bandwidthMbps ?? now.bandwidthMbps;
    this.#requireRoom(rate - now.bandwidthMbps);
    return this.#put({ ...now, bandwidthMbps: rate, window: { ...now.window, end: end ?? now.window.end } });
  }

  async join(connectionId: string, vm: string): Promise<Connection> {
    const connection = this.#known(connectionId);
    this.#riders.board(connectionId, vm);
    return connection;
  }

  async leave(connectionId: string, vm: string): Promise<void> {
    if (this.#riders.leave(connectionId, vm)) this.#taken.delete(connectionId);
  }

  async release(connectionId: string): Promise<Connection> {
    const connection = this.#known(connectionId);
    this.#riders.requireNoOther(connectionId, connection.vm);
    return this.#put({ ...connection, state: "reserved" });
  }

  async terminate(connectionId: string): Promise<void> {
    const connection = this.#taken.get(connectionId);
    if (connection === undefined) return;
    this.#riders.requireNoOther(connectionId, connection.vm);
    this.#riders.end(connectionId);
    this.#taken.delete(connectionId);
  }

  async query(connectionId: string): Promise<Connection | undefined> {
    return this.#taken.get(connectionId);
  }

  async list(): Promise<readonly Connection[]> {
    return [...this.#taken.values()];
  }

  /** There is nothing to close. */
  async close(): Promise<void> {}

  #put(connection: Connection): Connection {
    this.#taken.set(connection.connectionId, connection);
    return connection;
  }

  #freeMbps(): number {
    const taken = [...this.#taken.values()].reduce((sum, { bandwidthMbps }) => sum + bandwidthMbps, 0);
    return this.#record.link.capacityMbps - taken;
  }

  /** Throws domain.refused, with what takes the rest. */
  #requireRoom(moreMbps: number): void {
    const freeMbps = this.#freeMbps();
    if (moreMbps <= freeMbps) return;
    const { name, capacityMbps } = this.#record.link;
    const users = [...this.#taken.values()].map(({ vm, bandwidthMbps }) => `${vm} (${bandwidthMbps} Mbps)`);
    const use = users.length === 0 ? "" : `: it is used by ${users.join(", ")}`;
    throw new TurntableError(
      "domain.refused",
      `the link ${name} has ${freeMbps} of its ${capacityMbps} Mbps free, not ${moreMbps}${use}`,
      { retry: "safe", next: "Wait until their moves are over, or ask for less." },
    );
  }

  #known(connectionId: string): Connection {
    const found = this.#taken.get(connectionId);
    if (found !== undefined) return found;
    throw new TurntableError("domain.refused", `nothing of ${this.#record.link.name} is taken by ${connectionId}`, {
      retry: "safe",
      next: "Run `pulumi up` again.",
    });
  }
}
