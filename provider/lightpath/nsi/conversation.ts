import { randomUUID } from "node:crypto";
import { reasonOf, TurntableError } from "../../errors.ts";
import type { NsiRecord } from "./record.ts";
import { type Envelope, headerOfAnswer } from "./wire/envelope.ts";
import { exceptionIn, type ServiceException } from "./wire/exception.ts";
import { type Identity, Line } from "./wire/line.ts";
import { type Listener, listen, NsiRefusal } from "./wire/listener.ts";
import type { Content, Message, Operation } from "./wire/messages.ts";
import { PROVIDER_PROTOCOL } from "./wire/namespaces.ts";

/** For an acknowledgement. */
const ANSWER_TIMEOUT_MS = 10_000;

/** What the provider said no with, in the moment or by callback. */
export class NsiFault extends Error {
  override readonly name = "NsiFault";
  readonly exception: ServiceException;

  constructor(exception: ServiceException) {
    super(exception.text);
    this.exception = exception;
  }
}

/** The provider took a request and never told what became of it. */
export class NsiSilence extends Error {
  override readonly name = "NsiSilence";
}

interface Waiting {
  readonly wants: readonly Operation[];
  readonly heard: PromiseWithResolvers<Message>;
}

type DataPlane = Content<"types:dataPlaneStateChange">;

/**
 * What this program says to one provider and hears from it: requests, whose answers come back by callback, perhaps before
 * the acknowledgement, and notifications. Constructing it touches no network.
 */
export class Conversation {
  readonly #record: NsiRecord;
  readonly #own: () => Identity;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #watching = new Set<(change: DataPlane) => void>();
  #line: Line | undefined;
  #listener: Promise<Listener> | undefined;

  /** `timeoutMs`: for a callback. `own` throws credentials.missing. */
  constructor(record: NsiRecord, own: () => Identity, timeoutMs: number) {
    this.#record = record;
    this.#own = own;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks what is answered in the moment. Rejects with NsiFault, or because there is no answer. */
  async ask(message: Message): Promise<Message> {
    return await this.#send(message, `urn:uuid:${randomUUID()}`);
  }

  /**
   * Asks, and resolves with the callback: one of `wants`, to this very request. `acknowledged` is told what was said in the
   * moment. Rejects with NsiFault, with NsiSilence, or because the request was not taken.
   */
  async askAndHear(
    message: Message,
    wants: readonly Operation[],
    acknowledged: (answer: Message) => void = () => undefined,
  ): Promise<Message> {
    await this.listen();
    const correlationId = `urn:uuid:${randomUUID()}`;
    const heard = Promise.withResolvers<Message>();
    heard.promise.catch(() => undefined);
    this.#waiting.set(correlationId, { wants, heard });
    const { url } = this.#record.callback;
    const silence = new NsiSilence(`it told nothing at ${url} within ${this.#timeoutMs / 1_000} s`);
    const timer = setTimeout(() => heard.reject(silence), this.#timeoutMs);
    try {
      const asked = this.#send(message, correlationId).then((answer) => {
        acknowledged(answer);
        return heard.promise;
      });
      // Whichever comes first; an acknowledgement that was lost says nothing if the answer is there.
      return await Promise.race([heard.promise, asked]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(correlationId);
    }
  }

  /** Takes callbacks from now on. Rejects with lightpath.failed if that cannot be. */
  async listen(): Promise<void> {
    const { callback, fingerprint, callbackFingerprint = fingerprint, requester, provider } = this.#record;
    const { address, port, url } = callback;
    this.#listener ??= listen({
      ...{ own: this.#own(), address, port, path: new URL(url).pathname, nsa: requester },
      knows: (shown) => shown === callbackFingerprint,
      answer: async (envelope) => this.#hear(envelope),
      refused: () => undefined,
    });
    await this.#listener.catch((thrown: unknown) => {
      this.#listener = undefined;
      const what = `callbacks of ${provider} cannot be taken at ${address}, port ${port}: ${reasonOf(thrown)}`;
      throw new TurntableError("lightpath.failed", what, {
        retry: "safe",
        next: "See what else listens there, or declare another port in `callback`.",
        cause: thrown,
      });
    });
  }

  /** Tells of every change of a data plane until `stop` is called. */
  watch(heard: (change: DataPlane) => void): { stop(): void } {
    this.#watching.add(heard);
    return { stop: () => void this.#watching.delete(heard) };
  }

  /** Ends its connections and listens no more; what is asked next begins anew. */
  async close(): Promise<void> {
    const [line, listener] = [this.#line, this.#listener];
    this.#line = undefined;
    this.#listener = undefined;
    await Promise.all([line?.close(), listener?.then((one) => one.close()).catch(() => undefined)]);
  }

  async #send(message: Message, correlationId: string): Promise<Message> {
    const { provider, requester, url, fingerprint, callback } = this.#record;
    this.#line ??= new Line({ url, fingerprint }, this.#own(), ANSWER_TIMEOUT_MS);
    const header = {
      protocolVersion: PROVIDER_PROTOCOL,
      correlationId,
      requesterNSA: requester,
      providerNSA: provider,
      // What is answered in the moment needs none, but OpenNSA refuses a question without it.
      replyTo: callback.url,
    };
    const answer = await this.#line.send({ header, message });
    return unlessFault(answer.message, provider);
  }

  /** The certificate said already that it is the provider who speaks. */
  #hear({ header, message }: Envelope): Envelope {
    if (header === undefined) throw new NsiRefusal("missing-parameter", "the message has no nsiHeader");
    const { requester, provider } = this.#record;
    if (header.requesterNSA !== requester || header.providerNSA !== provider) {
      throw new NsiRefusal("unauthorized", `this is about ${requester} and ${provider} only`);
    }
    const waiting = this.#waiting.get(header.correlationId);
    // Some name the request in what is no answer to it: what it is decides, not only whose it is.
    if (waiting?.wants.includes(message.operation)) waiting.heard.resolve(message);
    else if (message.operation === "types:error") waiting?.heard.reject(new NsiFault(message.content.serviceException));
    else if (message.operation === "types:dataPlaneStateChange") {
      for (const tell of this.#watching) tell(message.content);
    }
    const answer: Message = { operation: "types:acknowledgment", content: {} };
    return { header: headerOfAnswer(header, "callback"), message: answer };
  }
}

function unlessFault(answer: Message, provider: string): Message {
  if (answer.operation !== "soap:Fault") return answer;
  const { faultstring } = answer.content;
  throw new NsiFault(exceptionIn(answer.content) ?? { nsaId: provider, errorId: "00000", text: faultstring });
}
