import { randomUUID } from "node:crypto";
import { TurntableError } from "../../errors.ts";
import type { Connection, Offer, OfferRequest, ReserveRequest } from "../drac/wire.ts";
import type { Lightpath, Modification } from "../lightpath.ts";
import { Riders } from "../riders.ts";
import { connectionOf, descriptionFor, SERVICE_TYPE, theirStp } from "./connection.ts";
import { Conversation } from "./conversation.ts";
import { DataPlane } from "./data-plane.ts";
import { failure, isUnknown, tooLittle, unknownTo, unlessFailed } from "./outcome.ts";
import type { NsiRecord } from "./record.ts";
import { type Identity, NotConnected } from "./wire/line.ts";
import type { Content, Message, Operation } from "./wire/messages.ts";
import type { Reservation } from "./wire/reservation.ts";

/** For a callback: other people's networks set up paths while one waits. */
const CALLBACK_TIMEOUT_MS = 60_000;

/** What asks about one connection and is confirmed by callback. */
type Verb = "reserveCommit" | "provision" | "release" | "terminate";

/** A request for a reservation, by what is found again of it. */
interface Asked {
  readonly globalReservationId: string;
  /** As soon as the provider has named it. */
  readonly connectionIds: Set<string>;
}

export interface NsiTimes {
  readonly callbackMs: number;
  readonly dataPlaneMs: number;
}

/**
 * Paths set up by a provider of NSI's Connection Service 2.0 (OGF GFD.212). The provider decides by this program's
 * certificate, so no tokens are shown; it knows no VMs, so which of them share a path is known here alone.
 */
export class NsiLightpath implements Lightpath {
  readonly #record: NsiRecord;
  readonly #conversation: Conversation;
  readonly #dataPlane: DataPlane;
  readonly #riders = new Riders();
  /** What this process reserved. */
  readonly #wishes = new Map<string, ReserveRequest>();

  /** Touches no network. `own`: our certificate and its key; throws credentials.missing. */
  constructor(record: NsiRecord, own: () => Identity, times: Partial<NsiTimes> = {}) {
    this.#record = record;
    this.#conversation = new Conversation(record, own, times.callbackMs ?? CALLBACK_TIMEOUT_MS);
    this.#dataPlane = new DataPlane(this.#conversation, (id) => this.#found(id), times.dataPlaneMs);
  }

  /** Whether the provider answers, and what it was declared to be: NSI has no question about what is free. */
  async offer({ from, to, bandwidthMbps }: OfferRequest): Promise<Offer> {
    const { provider, rttMs } = this.#record;
    const what = `offer ${bandwidthMbps} Mbps from ${from} to ${to}`;
    await this.#query({ connectionId: [randomUUID()] }, what);
    return { hops: [provider.split(":")[3] ?? provider], links: [], rttMs, startsAt: new Date().toISOString() };
  }

  async reserve(request: ReserveRequest): Promise<Connection> {
    const { from, to, bandwidthMbps, vm } = request;
    const what = `reserve ${bandwidthMbps} Mbps from ${from} to ${to}`;
    const asked = { globalReservationId: `urn:uuid:${randomUUID()}`, connectionIds: new Set<string>() };
    await this.#conversation.listen();
    try {
      const held = await this.#hold(request, asked);
      await this.#verb("reserveCommit", held.connectionId);
      const connection = connectionOf(this.#record, held, request);
      if (connection === undefined) throw new TypeError("what was held has no criteria");
      this.#wishes.set(held.connectionId, request);
      this.#riders.board(held.connectionId, vm);
      return { ...connection, state: "reserved" };
    } catch (thrown) {
      const failed = failure(thrown, this.#record, what);
      throw thrown instanceof NotConnected ? failed : await this.#takenBack(asked, failed);
    }
  }

  async provision(connectionId: string): Promise<Connection> {
    return await this.#told(`provision ${connectionId}`, async () => {
      await this.#dataPlane.until(connectionId, true, () => this.#verb("provision", connectionId));
      return await this.#known(connectionId);
    });
  }

  /** As far as the provider modifies at all: OpenNSA and SuPA refuse it. */
  async modify(connectionId: string, { bandwidthMbps, end }: Modification): Promise<Connection> {
    const what = `give ${connectionId} ${[bandwidthMbps && `${bandwidthMbps} Mbps`, end && `an end at ${end}`].filter(Boolean).join(" and ")}`;
    return await this.#told(what, async () => {
      const [now] = (await this.#found(connectionId))?.criteria ?? [];
      const service = now?.["p2p:p2ps"];
      if (now === undefined || service === undefined) throw unknownTo(this.#record, connectionId);
      const criteria = {
        ...{ "@version": now["@version"] + 1, schedule: { endTime: end ?? now.schedule.endTime } },
        ...{ serviceType: now.serviceType, "p2p:p2ps": { ...service, capacity: bandwidthMbps ?? service.capacity } },
      };
      const message: Message = { operation: "types:reserve", content: { connectionId, criteria } };
      unlessFailed(await this.#conversation.askAndHear(message, ["types:reserveConfirmed", "types:reserveFailed"]));
      await this.#verb("reserveCommit", connectionId);
      return await this.#known(connectionId);
    });
  }

  async join(connectionId: string, vm: string): Promise<Connection> {
    return await this.#told(`let ${vm} use ${connectionId}`, async () => {
      const connection = await this.#known(connectionId);
      if (connection.state !== "reserved" && connection.state !== "provisioned") {
        throw new TurntableError("domain.refused", `${connectionId} is ${connection.state}`, {
          retry: "safe",
          next: "Run `pulumi up` again: the move gets a path of its own.",
        });
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
      const { vm, state } = await this.#known(connectionId);
      this.#riders.requireNoOther(connectionId, vm);
      if (state === "provisioned")
        await this.#dataPlane.until(connectionId, false, () => this.#verb("release", connectionId));
      return await this.#known(connectionId);
    });
  }

  async terminate(connectionId: string): Promise<void> {
    const vm = this.#wishes.get(connectionId)?.vm;
    if (vm !== undefined) this.#riders.requireNoOther(connectionId, vm);
    await this.#end(connectionId);
  }

  async query(connectionId: string): Promise<Connection | undefined> {
    const found = await this.#told(`tell of ${connectionId}`, () => this.#found(connectionId));
    return found && connectionOf(this.#record, found, this.#wishes.get(connectionId));
  }

  async list(): Promise<readonly Connection[]> {
    const all = await this.#query({}, "list connections");
    return all.flatMap((one) => connectionOf(this.#record, one, this.#wishes.get(one.connectionId)) ?? []);
  }

  /** Ends its connections, and listens for callbacks no more. */
  async close(): Promise<void> {
    await this.#conversation.close();
  }

  /** Resolves with what the provider holds, whatever it was asked for. */
  async #hold(request: ReserveRequest, { globalReservationId, connectionIds }: Asked): Promise<Reservation> {
    const { from, to, bandwidthMbps, window } = request;
    const service = {
      ...{ capacity: Math.ceil(bandwidthMbps), directionality: "Bidirectional" as const, symmetricPath: true },
      ...{ sourceSTP: theirStp(this.#record, from), destSTP: theirStp(this.#record, to) },
    };
    // What begins now has begun when it is read, which OpenNSA refuses; without a start it begins at once.
    const startTime = Date.parse(window.start) > Date.now() ? window.start : undefined;
    const schedule = { startTime, endTime: window.end };
    // The version may be left out, but not to OSCARS.
    const criteria = { "@version": 1, schedule, serviceType: SERVICE_TYPE, "p2p:p2ps": service };
    const content = { globalReservationId, description: descriptionFor(request), criteria };
    const wants: Operation[] = ["types:reserveConfirmed", "types:reserveFailed"];
    const note = (answer: Message) => {
      if (answer.operation === "types:reserveResponse") connectionIds.add(answer.content.connectionId);
    };
    const asking: Message = { operation: "types:reserve", content };
    const heard = unlessFailed(await this.#conversation.askAndHear(asking, wants, note));
    if (heard.operation !== "types:reserveConfirmed") throw new TypeError(`${heard.operation} was not waited for`);
    const { connectionId, criteria: agreed } = heard.content;
    const connectionStates = {
      ...{ reservationState: "ReserveHeld" as const, lifecycleState: "Created" as const },
      dataPlaneStatus: { active: false, version: agreed["@version"], versionConsistent: true },
    };
    const got = agreed["p2p:p2ps"]?.capacity ?? 0;
    if (got < bandwidthMbps) throw tooLittle(this.#record, got, bandwidthMbps);
    return { connectionId, criteria: [agreed], requesterNSA: this.#record.requester, connectionStates };
  }

  /** Ends whatever the provider has of a request that failed, even if its acknowledgement was lost. */
  async #takenBack({ globalReservationId, connectionIds }: Asked, failed: TurntableError): Promise<TurntableError> {
    try {
      // All that is ours is asked for: OpenNSA never answers a question by globalReservationId.
      const all = await this.#query({}, "tell of what it holds");
      const left = all.filter(
        (one) => one.globalReservationId === globalReservationId || connectionIds.has(one.connectionId),
      );
      const live = left.filter(({ connectionStates: { lifecycleState } }) => lifecycleState !== "Terminated");
      await Promise.all(live.map(({ connectionId }) => this.#end(connectionId)));
      return failed;
    } catch (thrown) {
      const { provider } = this.#record;
      const left = `${provider} may keep ${globalReservationId} reserved: it could not be given back`;
      return new TurntableError(failed.code, `${failed.message} ${left}`, {
        retry: "unsafe",
        next: `If the next \`pulumi up\` finds no room, let the operator of ${provider} end it.`,
        cause: thrown,
      });
    }
  }

  async #end(connectionId: string): Promise<void> {
    try {
      const found = await this.#found(connectionId);
      // Whoever is over already may be past answering.
      if (found !== undefined && found.connectionStates.lifecycleState !== "Terminated") {
        await this.#verb("terminate", connectionId);
      }
    } catch (thrown) {
      if (!isUnknown(thrown)) throw failure(thrown, this.#record, `terminate ${connectionId}`);
    }
    this.#wishes.delete(connectionId);
    this.#riders.end(connectionId);
  }

  async #verb(verb: Verb, connectionId: string): Promise<void> {
    const wants: Operation[] = [
      `types:${verb}Confirmed`,
      ...(verb === "reserveCommit" ? (["types:reserveCommitFailed"] as const) : []),
    ];
    const message: Message = { operation: `types:${verb}`, content: { connectionId } };
    unlessFailed(await this.#conversation.askAndHear(message, wants));
  }

  async #known(connectionId: string): Promise<Connection> {
    const found = await this.#found(connectionId);
    const connection = found && connectionOf(this.#record, found, this.#wishes.get(connectionId));
    if (connection !== undefined) return connection;
    throw unknownTo(this.#record, connectionId);
  }

  async #found(connectionId: string): Promise<Reservation | undefined> {
    const all = await this.#asked({ connectionId: [connectionId] });
    return all.find((one) => one.connectionId === connectionId);
  }

  async #query(content: Content<"types:querySummarySync">, what: string): Promise<readonly Reservation[]> {
    return await this.#told(what, () => this.#asked(content));
  }

  async #asked(content: Content<"types:querySummarySync">): Promise<readonly Reservation[]> {
    const answer = await this.#conversation.ask({ operation: "types:querySummarySync", content });
    if (answer.operation === "types:querySummarySyncConfirmed") return answer.content.reservation ?? [];
    throw new TypeError(`it answered ${answer.operation} to a query`);
  }

  /** Does it; what goes wrong with the provider is told as what a user can act on. */
  async #told<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (thrown) {
      throw failure(thrown, this.#record, what);
    }
  }
}
