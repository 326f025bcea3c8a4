import { randomUUID } from "node:crypto";
import { z } from "zod";
import { CLIENT_TIMEOUT_MS, type ClientCredentials, callerOf } from "../../aaa/caller.ts";
import { type Answer, Channel, nothing, type Question } from "../../aaa/channel.ts";
import type { DomainRecord } from "../../aaa/domain-record.ts";
import { granted, unlessAbsent } from "../../aaa/outcome.ts";
import type { TimeWindow } from "../../aaa/wire.ts";
import { TurntableError } from "../../errors.ts";
import { type Lightpath, LinkDown, type Modification } from "../lightpath.ts";
import { notificationsOf } from "./notifications.ts";
import {
  type AlternativesRequest,
  type Connection,
  connection,
  type Notification,
  type Offer,
  type OfferRequest,
  offer,
  type PairOffer,
  type PairRequest,
  pairOffer,
  type ReserveRequest,
  type SeriesRequest,
} from "./wire.ts";

/** Where the domain that is asked asks the others on the way for their parts. */
const SEGMENTS = ["drac", "segments"];

/** A hold times out by itself; a commit whose answer was lost does not. */
function perhapsReserved({ connectionId, window }: Connection, thrown: unknown): unknown {
  if (!(thrown instanceof TurntableError)) return thrown;
  const left = `${connectionId} may stay reserved until ${window.end}: it could not be given back`;
  return new TurntableError(thrown.code, `${thrown.message} ${left}`, {
    retry: "unsafe",
    next: "If the next `pulumi up` finds no room, let the domain's operator end it.",
    cause: thrown,
  });
}

function offering({ bandwidthMbps, from, to }: OfferRequest): string {
  return `offer ${bandwidthMbps} Mbps from ${from} to ${to}`;
}

/** Paths set up by a domain's DRAC, over its HTTPS API. Constructing it touches no network. */
export class DracLightpath implements Lightpath {
  readonly #channel: Channel;

  constructor(domain: DomainRecord, caller: ClientCredentials) {
    this.#channel = new Channel(domain, callerOf(caller), CLIENT_TIMEOUT_MS);
  }

  async offer(request: OfferRequest): Promise<Offer> {
    const answer = await this.#channel.ask({ method: "POST", path: ["drac", "offers"], body: request, answer: offer });
    return granted(answer, this.#channel, offering(request));
  }

  /** What there is to choose from: several ways, the cheapest first. */
  async alternatives(request: AlternativesRequest): Promise<readonly Offer[]> {
    const path = ["drac", "alternatives"];
    const answer = await this.#channel.ask({ method: "POST", path, body: request, answer: z.array(offer) });
    return granted(answer, this.#channel, offering(request.offer));
  }

  /** Two ways that do not fail together, for 1+1 protection: each is reserved for itself, the second to avoid the first's links. */
  async pair(request: PairRequest): Promise<PairOffer> {
    const path = ["drac", "pairs"];
    const answer = await this.#channel.ask({ method: "POST", path, body: request, answer: pairOffer });
    return granted(answer, this.#channel, `${offering(request.offer)} twice`);
  }

  async reserve(request: ReserveRequest, token: string): Promise<Connection> {
    const what = `reserve ${request.bandwidthMbps} Mbps from ${request.from} to ${request.to}`;
    const body = { requestId: randomUUID(), ...request };
    const path = ["drac", "connections"];
    const asked = { method: "POST", path, body, token, onwards: SEGMENTS, answer: connection } as const;
    const held = granted(await this.#askAgain(asked), this.#channel, what);
    const [committed = held] = await this.#commitAll([held], what, async () => token);
    return committed;
  }

  /**
   * Reserve and commit several at once, each of which is a connection of its own from then on: all of them, or none. The token
   * must cover the time from the first's beginning to the last's end; one serves for one connection alone, so each is
   * committed by another, for its own time.
   */
  async reserveSeries(
    request: SeriesRequest,
    token: string,
    tokenFor: (window: TimeWindow) => Promise<string>,
  ): Promise<readonly Connection[]> {
    const { from, to, bandwidthMbps } = request.reservation;
    const what = `reserve ${bandwidthMbps} Mbps from ${from} to ${to} again and again`;
    const asked = {
      method: "POST",
      path: ["drac", "series"],
      body: request,
      token,
      onwards: SEGMENTS,
      answer: z.array(connection),
    } as const;
    return await this.#commitAll(granted(await this.#channel.ask(asked), this.#channel, what), what, tokenFor);
  }

  async provision(connectionId: string, token: string): Promise<Connection> {
    const path = ["drac", "connections", connectionId, "provision"];
    const onwards = [...SEGMENTS, connectionId, "provision"];
    const answer = await this.#channel.ask({ method: "POST", path, token, onwards, answer: connection });
    if (answer.kind === "refused" && answer.refusal.link !== undefined) {
      const { domain, reason, link } = answer.refusal;
      throw new LinkDown(`${domain} did not light ${connectionId}: ${reason}`, link);
    }
    return granted(answer, this.#channel, `provision ${connectionId}`);
  }

  async modify(connectionId: string, change: Modification, token: string): Promise<Connection> {
    const { bandwidthMbps, end } = change;
    const wish = [bandwidthMbps && `${bandwidthMbps} Mbps`, end && `an end at ${end}`].filter(Boolean).join(" and ");
    const path = ["drac", "connections", connectionId, "modify"];
    const body = { requestId: randomUUID(), ...change };
    const onwards = [...SEGMENTS, connectionId, "modifications"];
    const answer = await this.#askAgain({ method: "POST", path, body, token, onwards, answer: connection });
    return granted(answer, this.#channel, `give ${connectionId} ${wish}`);
  }

  async join(connectionId: string, vm: string, token: string): Promise<Connection> {
    const path = ["drac", "connections", connectionId, "riders", vm];
    const onwards = [...SEGMENTS, connectionId, "riders", vm];
    const answer = await this.#channel.ask({ method: "PUT", path, token, onwards, answer: connection });
    return granted(answer, this.#channel, `let ${vm} use ${connectionId}`);
  }

  async leave(connectionId: string, vm: string): Promise<void> {
    const path = ["drac", "connections", connectionId, "riders", vm];
    const answer = await this.#channel.ask({ method: "DELETE", path, answer: nothing });
    granted(unlessAbsent(answer), this.#channel, `take ${vm} off ${connectionId}`);
  }

  async release(connectionId: string): Promise<Connection> {
    const path = ["drac", "connections", connectionId, "release"];
    const answer = await this.#channel.ask({ method: "POST", path, answer: connection });
    return granted(answer, this.#channel, `release ${connectionId}`);
  }

  async terminate(connectionId: string): Promise<void> {
    const path = ["drac", "connections", connectionId];
    const answer = await this.#channel.ask({ method: "DELETE", path, answer: nothing });
    granted(unlessAbsent(answer), this.#channel, `terminate ${connectionId}`);
  }

  async query(connectionId: string): Promise<Connection | undefined> {
    const path = ["drac", "connections", connectionId];
    const answer = await this.#channel.ask({ method: "GET", path, answer: connection });
    return granted(unlessAbsent(answer), this.#channel, `tell of ${connectionId}`);
  }

  async list(): Promise<readonly Connection[]> {
    const answer = await this.#channel.ask({
      method: "GET",
      path: ["drac", "connections"],
      answer: z.array(connection),
    });
    return granted(answer, this.#channel, "list connections");
  }

  /** What becomes of this caller's connections from now on, until the signal: also after the domain was away. */
  notifications(signal: AbortSignal): AsyncGenerator<Notification> {
    return notificationsOf(this.#channel, signal);
  }

  /** Ends its connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#channel.close();
  }

  /** All of them, or none: those that were committed already are given back where another cannot be. */
  async #commitAll(
    all: readonly Connection[],
    what: string,
    tokenFor: (window: TimeWindow) => Promise<string>,
  ): Promise<readonly Connection[]> {
    const committed: Connection[] = [];
    for (const { connectionId, window } of all) {
      try {
        const token = await tokenFor(window);
        const path = ["drac", "connections", connectionId, "commit"];
        const onwards = [...SEGMENTS, connectionId, "commit"];
        const committing = { method: "POST", path, token, onwards, answer: connection } as const;
        committed.push(granted(await this.#askAgain(committing), this.#channel, what));
      } catch (thrown) {
        const given = await Promise.allSettled(all.map((one) => this.terminate(one.connectionId)));
        const kept = all.find((_, index) => given[index]?.status === "rejected");
        throw kept === undefined ? thrown : perhapsReserved(kept, thrown);
      }
    }
    return committed;
  }

  /** The answer may be lost of what was done: what is asked so is done once, however often. */
  async #askAgain<T>(question: Question<T>): Promise<Answer<T>> {
    const first = await this.#channel.ask(question);
    return first.kind === "silent" ? await this.#channel.ask(question) : first;
  }
}
