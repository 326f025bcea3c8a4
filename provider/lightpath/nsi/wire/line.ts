import { Agent, request } from "undici";
import { pinnedTo } from "../../../aaa/channel.ts";
import { type Envelope, readEnvelope, writeEnvelope } from "./envelope.ts";
import { SOAP_ACTION } from "./namespaces.ts";

/** What is shown to the far end, in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Where an agent (NSA) is, and the certificate that it is known by. */
export interface FarEnd {
  readonly url: string;
  /** SHA-256 of its certificate ("SHA256:…"). */
  readonly fingerprint: string;
}

/** Far more than any answer has: a far end cannot fill the memory of who asks it. */
const LONGEST_ANSWER_BYTES = 1_024 * 1_024;

/** Nothing was sent: the far end could not be reached, or is not the pinned one. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
}

/** HTTPS with both ends' certificates pinned, over which SOAP messages go to one agent. */
export class Line {
  readonly #far: FarEnd;
  readonly #agent: Agent;
  readonly #timeoutMs: number;

  constructor(far: FarEnd, own: Identity, timeoutMs: number) {
    this.#far = far;
    this.#timeoutMs = timeoutMs;
    // Other people's agents may be older than TLS 1.3.
    const connect = pinnedTo({ fingerprint: far.fingerprint }, timeoutMs, { ...own, minVersion: "TLSv1.2" });
    this.#agent = new Agent({
      connect: (options, callback) =>
        connect(options, (...[failure, socket]) => {
          if (socket === null) callback(new NotConnected(toldOf(failure), { cause: failure }), null);
          else callback(null, socket);
        }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: LONGEST_ANSWER_BYTES,
      keepAliveTimeout: 4_000,
    });
  }

  /** Resolves with the answer, which may be a fault. Rejects if there is none, or none that can be understood (MalformedXml). */
  async send(envelope: Envelope): Promise<Envelope> {
    const { operation } = envelope.message;
    const { statusCode, body } = await request(this.#far.url, {
      dispatcher: this.#agent,
      method: "POST",
      // The other limits begin anew with each byte that trickles in.
      signal: AbortSignal.timeout(2 * this.#timeoutMs),
      headers: {
        "content-type": "text/xml; charset=utf-8",
        soapaction: `"${SOAP_ACTION}${operation.replace(/^\w+:/, "")}"`,
      },
      body: writeEnvelope(envelope),
    });
    const text = await body.text();
    if (text === "") throw new Error(`it answered with status ${statusCode} and said nothing`);
    return readEnvelope(text);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Errors of sockets often have an empty message and a telling code. */
function toldOf(failure: Error | null): string {
  const code = failure !== null && "code" in failure ? String(failure.code) : "";
  return [code, failure?.message].filter(Boolean).join(": ");
}
