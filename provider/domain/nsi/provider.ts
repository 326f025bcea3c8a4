import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { reasonOf } from "../../errors.ts";
import { type Envelope, headerOfAnswer } from "../../lightpath/nsi/wire/envelope.ts";
import { NsiRefusal } from "../../lightpath/nsi/wire/listener.ts";
import type { Content, Message } from "../../lightpath/nsi/wire/messages.ts";
import type { Known } from "../load.ts";
import { Serial } from "../serial.ts";
import type { Callbacks } from "./callbacks.ts";
import type { Life } from "./life.ts";
import type { Requesters, Said } from "./requesters.ts";
import type { Asked, NsiConnection, NsiStore } from "./store.ts";
import { reservationOf } from "./telling.ts";
import { agreementFor, endsOf } from "./wish.ts";

/** Who asks for all that it has is told of what ended since; of what ended before, if it names it. */
const REMEMBERED_MS = 24 * 3_600_000;

export interface ProviderParts {
  readonly labels: Readonly<Record<string, number>>;
  readonly requesters: Requesters;
  readonly store: NsiStore;
  readonly life: Life;
  readonly callbacks: Callbacks;
  readonly log: Logger;
}

/** What is done about a connection once its requester knows that it was heard. */
type Deed = (one: NsiConnection, client: Known, asked: Asked) => Promise<void>;

/** This domain as a provider of NSI's Connection Service 2.0 (OGF GFD.212): what is heard, and answered at once. */
export class Provider {
  readonly #parts: ProviderParts;
  /** One thing at a time is done about a connection. */
  readonly #turns = new Serial();
  /** What is being done, and about which. */
  readonly #running = new Map<Promise<void>, string>();

  constructor(parts: ProviderParts) {
    this.#parts = parts;
  }

  /** Acknowledges, or answers a synchronous query. Rejects with NsiRefusal, nothing having been begun. */
  async answer(envelope: Envelope, fingerprint: string): Promise<Envelope> {
    const said = this.#parts.requesters.recognize(envelope, fingerprint);
    const header = headerOfAnswer(said.header, "acknowledgment");
    return { header, message: this.#heard(said, envelope.message) };
  }

  /** Has done what the clock says about every connection about which nothing is being done; one that takes long keeps no other waiting. */
  async tend(): Promise<void> {
    const busy = new Set(this.#running.values());
    this.#each((one, client) => this.#parts.life.tend(one, client), busy);
  }

  /** After a restart. */
  async recover(): Promise<void> {
    this.#each((one, client) => this.#parts.life.recover(one, client), new Set());
    await this.close();
  }

  /** Resolves when nothing is being done any more. */
  async close(): Promise<void> {
    await Promise.all(this.#running.keys());
  }

  #heard(said: Said, { operation, content }: Message): Message {
    const { life } = this.#parts;
    switch (operation) {
      case "types:reserve":
        return this.#reserve(said, content);
      case "types:reserveCommit":
        return this.#begin(said, content, "commit", (one) => {
          requireThat(one, one.reservation === "ReserveHeld" && isCreated(one), one.reservation);
          return [{ ...one, reservation: "ReserveCommitting" }, (...all) => life.commit(...all)];
        });
      case "types:reserveAbort":
        return this.#begin(said, content, "abort", (one) => {
          requireThat(one, one.reservation === "ReserveHeld" && isCreated(one), one.reservation);
          return [{ ...one, reservation: "ReserveAborting" }, (...all) => life.abort(...all)];
        });
      case "types:provision":
        return this.#begin(said, content, "provision", (one) => {
          const settled = one.committed && one.reservation === "ReserveStart" && isCreated(one);
          requireThat(one, settled && one.provision !== "Releasing", `${one.reservation}, ${one.lifecycle}`);
          return [one, (...all) => life.provision(...all)];
        });
      case "types:release":
        return this.#begin(said, content, "release", (one) => {
          requireThat(one, one.committed && isCreated(one), `${one.reservation}, ${one.lifecycle}`);
          return [{ ...one, provision: "Releasing" }, (...all) => life.release(...all)];
        });
      case "types:terminate":
        return this.#begin(said, content, "terminate", (one) => {
          if (one.lifecycle === "Terminated") return [one, (...all) => life.terminate(...all)];
          return [{ ...one, lifecycle: "Terminating" }, (...all) => life.terminate(...all)];
        });
      case "types:querySummarySync":
        return { operation: "types:querySummarySyncConfirmed", content: this.#found(said, content) };
      case "types:querySummary":
        return this.#tellLater(said, { operation: "types:querySummaryConfirmed", content: this.#found(said, content) });
      case "types:queryRecursive":
        return this.#tellLater(said, {
          operation: "types:queryRecursiveConfirmed",
          content: this.#found(said, content),
        });
      default:
        throw new NsiRefusal("not-implemented", `${operation} is nothing that a provider is asked`);
    }
  }

  #reserve(said: Said, content: Content<"types:reserve">): Message {
    const { labels, store, life } = this.#parts;
    const agreement = agreementFor(content);
    endsOf(agreement, labels);
    const one = store.put({
      ...{ id: randomUUID(), requester: said.requester.nsa, connection: undefined, grant: undefined, committed: false },
      ...{ reservation: "ReserveChecking", provision: "Released", lifecycle: "Created", active: false },
      ...{ notifications: 0, results: 0, asked: askedOf(said), agreement },
    });
    this.#later(one, said.requester.client, (...all) => life.reserve(...all));
    return { operation: "types:reserveResponse", content: { connectionId: one.id } };
  }

  /** The step is noted before it is acknowledged, so that it is not taken twice. */
  #begin(
    said: Said,
    { connectionId }: { connectionId: string },
    what: string,
    step: (one: NsiConnection) => readonly [NsiConnection, Deed],
  ): Message {
    const found = this.#parts.store.find(connectionId, said.requester.nsa);
    if (found === undefined) {
      throw new NsiRefusal("reservation-nonexistent", `there is no ${connectionId} to ${what}`, connectionId);
    }
    const [next, deed] = step(found);
    const asked = askedOf(said);
    this.#later(this.#parts.store.put({ ...next, asked }), said.requester.client, deed);
    return { operation: "types:acknowledgment", content: {} };
  }

  #found({ requester }: Said, { connectionId, globalReservationId }: Content<"types:querySummary">) {
    const all = this.#parts.store.of(requester.nsa);
    const any = connectionId === undefined && globalReservationId === undefined;
    const sinceMs = Date.now() - REMEMBERED_MS;
    const meant = all.filter(
      ({ id, agreement }) =>
        (any && Date.parse(agreement.window.end) > sinceMs) ||
        connectionId?.includes(id) ||
        globalReservationId?.includes(agreement.globalReservationId ?? ""),
    );
    return { reservation: meant.map(reservationOf) };
  }

  #tellLater({ header }: Said, message: Message): Message {
    const { replyTo } = header;
    if (replyTo === undefined || replyTo === "") {
      throw new NsiRefusal("missing-parameter", "replyTo: there is nowhere to answer to");
    }
    this.#parts.callbacks.send(replyTo, { header: headerOfAnswer(header, "callback"), message });
    return { operation: "types:acknowledgment", content: {} };
  }

  /** Behind the acknowledgement, and behind what is being done about the connection already. */
  #later({ id, asked, requester }: NsiConnection, client: Known, deed: Deed): void {
    const { store, log } = this.#parts;
    const running = this.#turns
      .run(id, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        const one = store.find(id, requester);
        if (one !== undefined) await deed(one, client, asked);
      })
      .catch((thrown: unknown) => log.error({ nsi: id, reason: reasonOf(thrown) }, "a connection was not seen to"))
      .finally(() => this.#running.delete(running));
    this.#running.set(running, id);
  }

  #each(act: (one: NsiConnection, client: Known) => Promise<void>, but: ReadonlySet<string>): void {
    const { store, requesters } = this.#parts;
    for (const one of store.open().filter(({ id }) => !but.has(id))) {
      const client = requesters.named(one.requester)?.requester.client;
      // Nobody speaks for it any more; its window ends it.
      if (client !== undefined) this.#later(one, client, act);
    }
  }
}

function askedOf({ header }: Said): Asked {
  const { correlationId, requesterNSA, replyTo } = header;
  return { correlationId, requesterNSA, replyTo };
}

const isCreated = ({ lifecycle }: NsiConnection): boolean => lifecycle === "Created";

function requireThat({ id }: NsiConnection, holds: boolean, state: string): void {
  if (!holds) throw new NsiRefusal("invalid-transition", `${id} is ${state}`, id);
}
