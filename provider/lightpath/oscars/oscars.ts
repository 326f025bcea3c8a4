import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { z } from "zod";
import type { TurntableError } from "../../errors.ts";
import type { Connection, Offer, OfferRequest, ReserveRequest } from "../drac/wire.ts";
import type { Lightpath, Modification, Named } from "../lightpath.ts";
import { Riders } from "../riders.ts";
import { connectionOf, domainOf, OURS, scheduleOf, seconds } from "./connection.ts";
import { Line } from "./line.ts";
import { failure, isUnknown, perhapsKept, toldNot, unfollowed } from "./outcome.ts";
import type { OscarsRecord } from "./record.ts";
import { findWay, holdFor, nextMinutes } from "./way.ts";
import * as wire from "./wire.ts";

export interface OscarsTimes {
  readonly answerMs: number;
  /** How long routers may take to follow, and how often it is looked whether they have. */
  readonly buildMs: number;
  readonly lookMs: number;
}

const TIMES: OscarsTimes = { answerMs: 15_000, buildMs: 180_000, lookMs: 1_000 };

/**
 * Paths set up by a controller of OSCARS 1.0, by its REST API. It decides by this program's token; it knows no VMs, so which
 * of them share a path is known here alone.
 */
export class OscarsLightpath implements Lightpath {
  readonly #record: OscarsRecord;
  readonly #line: Line;
  readonly #times: OscarsTimes;
  readonly #riders = new Riders();
  /** One after the other: of two that look at once both would find the same VLAN free. */
  readonly #inTurn = pLimit(1);

  /** Touches no network. `token` throws credentials.missing. */
  constructor(record: OscarsRecord, token: () => string, times: Partial<OscarsTimes> = {}) {
    this.#record = record;
    this.#times = { ...TIMES, ...times };
    this.#line = new Line(record, token, this.#times.answerMs);
  }

  /** Whether there is a way and a VLAN at either end just now. */
  async offer(request: OfferRequest): Promise<Offer> {
    const { from, to, bandwidthMbps } = request;
    const window = "window" in request ? request.window : nextMinutes(request.minutes);
    return await this.#told(`offer ${bandwidthMbps} Mbps from ${from} to ${to}`, async () => {
      const { freeMbps } = await findWay(this.#line, this.#record, { from, to, bandwidthMbps, window });
      const { rttMs } = this.#record;
      return { hops: [domainOf(this.#record)], links: [], rttMs, startsAt: window.start, freeMbps };
    });
  }

  async reserve(request: ReserveRequest, _token: string, named?: Named): Promise<Connection> {
    const { from, to, bandwidthMbps, vm } = request;
    const what = `reserve ${bandwidthMbps} Mbps from ${from} to ${to}`;
    return await this.#inTurn(() =>
      this.#told(what, async () => {
        const way = await findWay(this.#line, this.#record, request);
        const path = ["protected", "conn", "generateId"];
        const id = await this.#line.ask({ method: "GET", path, answer: wire.generatedId });
        await named?.(id);
        try {
          const connection = await this.#committed(holdFor(id, request, way), what);
          this.#riders.board(id, vm);
          return connection;
        } catch (thrown) {
          throw await this.#takenBack(id, failure(thrown, this.#record, what));
        }
      }),
    );
  }

  /** OSCARS lets a path begin half a minute after it was asked for at the earliest: until then it is waited. */
  async provision(connectionId: string): Promise<Connection> {
    return await this.#told(`provision ${connectionId}`, async () => {
      const { beginning } = scheduleOf(await this.#known(connectionId)) ?? { beginning: 0 };
      await sleep(Math.max(0, beginning * 1_000 - Date.now()));
      await this.#line.ask({ ...pss("build", connectionId), answer: z.string() });
      await this.#until(connectionId, "lit", async () => {
        const { state } = await this.#known(connectionId);
        if (state === "FAILED") throw unfollowed(connectionId, "could not be built");
        return state === "ACTIVE";
      });
      return this.#connection(await this.#known(connectionId));
    });
  }

  /** Both, or neither: a rate that was given is taken back where an end is not. */
  async modify(connectionId: string, { bandwidthMbps, end }: Modification): Promise<Connection> {
    const what = `give ${connectionId} ${[bandwidthMbps && `${bandwidthMbps} Mbps`, end && `an end at ${end}`].filter(Boolean).join(" and ")}`;
    return await this.#told(what, async () => {
      const before = this.#connection(await this.#known(connectionId)).bandwidthMbps;
      const change = async (of: "bandwidth" | "schedule", body: object) => {
        const path = ["protected", "modify", of];
        const asked = { path, body: { connectionId, ...body }, answer: wire.json(wire.modifyAnswer) };
        const { success, explanation } = await this.#line.ask({ ...asked, method: "POST" });
        if (!success) throw toldNot(what, explanation || "it does not say why");
      };
      if (bandwidthMbps !== undefined) await change("bandwidth", { bandwidth: Math.ceil(bandwidthMbps) });
      try {
        if (end !== undefined) await change("schedule", { type: "END", timestamp: seconds(end) });
      } catch (thrown) {
        if (bandwidthMbps !== undefined) await change("bandwidth", { bandwidth: before });
        throw thrown;
      }
      return this.#connection(await this.#known(connectionId));
    });
  }

  async join(connectionId: string, vm: string): Promise<Connection> {
    return await this.#told(`let ${vm} use ${connectionId}`, async () => {
      const connection = this.#connection(await this.#known(connectionId));
      if (connection.state !== "reserved" && connection.state !== "provisioned") {
        throw toldNot(`let ${vm} use ${connectionId}`, `it is ${connection.state}`);
      }
      this.#riders.board(connectionId, vm);
      return connection;
    });
  }

  async leave(connectionId: string, vm: string): Promise<void> {
    if (this.#riders.leave(connectionId, vm)) await this.#end(connectionId);
  }

  async release(connectionId: string): Promise<Connection> {
    return await this.#told(`release ${connectionId}`, async () => {
      const connection = this.#connection(await this.#known(connectionId));
      this.#riders.requireNoOther(connectionId, connection.vm);
      await this.#line.ask({ ...pss("dismantle", connectionId), answer: z.string() });
      const status = { ...pss("work_status", connectionId), answer: wire.json(wire.workAnswer) };
      await this.#until(connectionId, "put out", async () => !(await this.#line.ask(status)).work);
      return { ...connection, state: "reserved" };
    });
  }

  async terminate(connectionId: string): Promise<void> {
    this.#riders.requireNoOther(connectionId, (await this.query(connectionId))?.vm ?? "");
    await this.#end(connectionId);
  }

  async query(connectionId: string): Promise<Connection | undefined> {
    const info = await this.#told(`tell of ${connectionId}`, () => this.#found(connectionId));
    return info && connectionOf(this.#record, info);
  }

  /** Those of this program that last, and that are held as far as OSCARS tells of them. */
  async list(): Promise<readonly Connection[]> {
    return await this.#told("list connections", async () => {
      const filter = { phase: "RESERVED", description: OURS, page: 1, sizePerPage: -1 };
      const [listed, held] = await Promise.all([
        this.#line.ask({
          method: "POST",
          path: ["api", "conn", "list"],
          body: filter,
          answer: wire.json(wire.listAnswer),
        }),
        this.#line.ask({ method: "GET", path: ["protected", "held", "current"], answer: wire.json(wire.heldAnswer) }),
      ]);
      const holds = await Promise.all(held.map(({ connectionId }) => this.#found(connectionId)));
      const all = [...listed.connections, ...holds.filter((one) => one !== undefined)];
      return all.flatMap((one) => connectionOf(this.#record, one) ?? []);
    });
  }

  /** Ends its connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#line.close();
  }

  async #committed(hold: wire.HoldRequest, what: string): Promise<Connection> {
    const { connectionId } = hold;
    const holding = { path: ["protected", "hold"], body: hold, answer: wire.json(wire.holdAnswer) };
    const { validity } = await this.#line.ask({ ...holding, method: "POST" });
    if (validity?.valid === false) throw toldNot(what, validity.message || "it is not valid");
    const committing = {
      path: ["protected", "conn", "commit"],
      body: connectionId,
      answer: wire.json(wire.changeAnswer),
    };
    const { phase, what: became } = await this.#line.ask({ ...committing, method: "POST" });
    if (phase !== "RESERVED") throw toldNot(what, `what was held is ${phase ?? became}`);
    return this.#connection(await this.#known(connectionId));
  }

  /** Ends whatever OSCARS has of a request that failed, even if its answer was lost. */
  async #takenBack(connectionId: string, failed: TurntableError): Promise<TurntableError> {
    try {
      await this.#end(connectionId);
      return failed;
    } catch (thrown) {
      return perhapsKept(connectionId, failed, thrown);
    }
  }

  async #end(connectionId: string): Promise<void> {
    try {
      const found = await this.#found(connectionId);
      if (found !== undefined && found.phase !== "ARCHIVED") {
        const path = ["protected", "conn", "release"];
        await this.#line.ask({ method: "POST", path, body: connectionId, answer: wire.json(wire.changeAnswer) });
      }
    } catch (thrown) {
      if (!isUnknown(thrown)) throw failure(thrown, this.#record, `release ${connectionId}`);
    }
    this.#riders.end(connectionId);
  }

  async #found(connectionId: string): Promise<wire.Info | undefined> {
    try {
      const path = ["api", "conn", "info", connectionId];
      return await this.#line.ask({ method: "GET", path, answer: wire.json(wire.infoAnswer) });
    } catch (thrown) {
      if (isUnknown(thrown)) return undefined;
      throw thrown;
    }
  }

  async #known(connectionId: string): Promise<wire.Info> {
    const found = await this.#found(connectionId);
    if (found !== undefined) return found;
    throw toldNot(`tell of ${connectionId}`, "it knows no such connection");
  }

  #connection(info: wire.Info): Connection {
    const connection = connectionOf(this.#record, info);
    if (connection !== undefined) return connection;
    throw toldNot(`tell of ${info.connectionId}`, "it is none of this program's");
  }

  async #until(connectionId: string, how: string, done: () => Promise<boolean>): Promise<void> {
    const untilMs = Date.now() + this.#times.buildMs;
    while (!(await done())) {
      if (Date.now() > untilMs) throw unfollowed(connectionId, `is not ${how} after ${this.#times.buildMs / 1_000} s`);
      await sleep(this.#times.lookMs);
    }
  }

  /** Does it; what goes wrong with OSCARS is told as what a user can act on. */
  async #told<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (thrown) {
      throw failure(thrown, this.#record, what);
    }
  }
}

const pss = (verb: "build" | "dismantle" | "work_status", connectionId: string) =>
  ({ method: "GET", path: ["protected", "pss", verb, connectionId] }) as const;
