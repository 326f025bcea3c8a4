import { randomUUID } from "node:crypto";
import type { Message } from "../../lightpath/nsi/wire/messages.ts";
import { REQUESTER_PROTOCOL } from "../../lightpath/nsi/wire/namespaces.ts";
import type { Callbacks } from "./callbacks.ts";
import type { Asked, NsiConnection, NsiStore } from "./store.ts";
import { exceptionOf, statesOf } from "./telling.ts";

/** Confirmations that tell more than which connection. */
type Elaborate = "types:reserveConfirmed" | Extract<Message["operation"], `types:query${string}`>;
type Confirmation = Exclude<Extract<Message["operation"], `${string}Confirmed`>, Elaborate>;
type Failure = "types:reserveFailed" | "types:reserveCommitFailed";
/** What can happen that nobody asked for. */
type Mishap = "activateFailed" | "deactivateFailed" | "forcedEnd";

/** What requesters are told by callback: each time the new state is on disk first. */
export class Voice {
  readonly #nsa: string;
  readonly #store: NsiStore;
  readonly #callbacks: Callbacks;

  constructor(nsa: string, store: NsiStore, callbacks: Callbacks) {
    this.#nsa = nsa;
    this.#store = store;
    this.#callbacks = callbacks;
  }

  /** In answer to `asked`. Whoever named no place for answers can query. */
  answer({ requester }: NsiConnection, said: Message, { correlationId, replyTo }: Asked): void {
    if (replyTo === undefined || replyTo === "") return;
    const header = { correlationId, requesterNSA: requester, providerNSA: this.#nsa };
    this.#callbacks.send(replyTo, { header: { protocolVersion: REQUESTER_PROTOCOL, ...header }, message: said });
  }

  confirm(operation: Confirmation, one: NsiConnection, change: Partial<NsiConnection>, asked: Asked): NsiConnection {
    const next = this.#store.change(one, { ...change, results: one.results + 1 });
    this.answer(next, { operation, content: { connectionId: one.id } }, asked);
    return next;
  }

  failed(operation: Failure, one: NsiConnection, change: Partial<NsiConnection>, thrown: unknown, asked: Asked): void {
    const next = this.#store.change(one, change);
    const serviceException = exceptionOf(this.#nsa, one.id, thrown);
    const content = { connectionId: one.id, connectionStates: statesOf(next), serviceException };
    this.answer(next, { operation, content }, asked);
  }

  mishap(event: Mishap, one: NsiConnection, change: Partial<NsiConnection>, thrown: unknown): void {
    const origin = { originatingConnectionId: one.id, originatingNSA: this.#nsa };
    const serviceException = exceptionOf(this.#nsa, one.id, thrown);
    this.#notify(one, change, (_, notice) => ({
      operation: "types:errorEvent",
      content: { ...notice, event, ...origin, serviceException },
    }));
  }

  /** A hold ran out. */
  timedOut(one: NsiConnection, holdSeconds: number): void {
    const origin = { originatingConnectionId: one.id, originatingNSA: this.#nsa };
    this.#notify(one, { reservation: "ReserveTimeout" }, (_, notice) => ({
      operation: "types:reserveTimeout",
      content: { ...notice, timeoutValue: Math.round(holdSeconds), ...origin },
    }));
  }

  /** Frames pass from now on, or no more. */
  dataPlane(one: NsiConnection, change: Partial<NsiConnection> & { readonly active: boolean }): NsiConnection {
    return this.#notify(one, change, (next, notice) => ({
      operation: "types:dataPlaneStateChange",
      content: { ...notice, dataPlaneStatus: statesOf(next).dataPlaneStatus },
    }));
  }

  /** What is an answer to nothing. */
  #notify(
    one: NsiConnection,
    change: Partial<NsiConnection>,
    say: (next: NsiConnection, notice: Notice) => Message,
  ): NsiConnection {
    const next = this.#store.change(one, { ...change, notifications: one.notifications + 1 });
    const notice = { connectionId: one.id, notificationId: next.notifications, timeStamp: new Date().toISOString() };
    this.answer(next, say(next, notice), { ...next.asked, correlationId: `urn:uuid:${randomUUID()}` });
    return next;
  }
}

interface Notice {
  readonly connectionId: string;
  readonly notificationId: number;
  readonly timeStamp: string;
}
