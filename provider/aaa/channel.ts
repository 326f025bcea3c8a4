import { TLSSocket } from "node:tls";
import pLimit from "p-limit";
import { Agent, buildConnector, request } from "undici";
import { z } from "zod";
import { currentMove, MOVE_HEADER } from "../correlation.ts";
import { reasonOf } from "../errors.ts";
import type { Caller, TlsIdentity } from "./caller.ts";
import { certificateFingerprint, type DomainRecord } from "./domain-record.ts";
import { tokenError } from "./oauth.ts";
import { present } from "./presentation.ts";
import { type Refusal, refusal } from "./wire.ts";

/** How a domain answered. `silent`: it could not be reached, is not the pinned one, or spoke nonsense. */
export type Answer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "refused"; readonly status: number; readonly refusal: Refusal }
  | { readonly kind: "silent"; readonly timedOut: boolean; readonly reason: string };

export interface Question<T> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Segments of the path, each escaped. */
  readonly path: readonly string[];
  readonly body?: object;
  /** For an OAuth endpoint, instead of a body. */
  readonly form?: Readonly<Record<string, string | readonly string[]>>;
  readonly token?: string;
  /** Of the answer's body. */
  readonly answer: z.ZodType<T>;
}

/** Far more than any answer has: a domain cannot fill the memory of who asks it. */
const LONGEST_ANSWER_BYTES = 4 * 1_024 * 1_024;

/** Asked at once; what is more waits its turn here, where it is not yet counted as unanswered. */
const MOST_AT_ONCE = 16;

/** For answers without a body (204). */
export const nothing: z.ZodType<undefined> = z.undefined();

/** An HTTPS connection to one domain's agent, whose certificate is pinned; each request shows who calls. */
export class Channel {
  readonly domain: DomainRecord;
  readonly #caller: Promise<Caller>;
  readonly #agent: Agent;
  readonly #timeoutMs: number;
  readonly #inTurn = pLimit(MOST_AT_ONCE);

  constructor(domain: DomainRecord, caller: Promise<Caller>, timeoutMs: number) {
    this.domain = domain;
    this.#caller = caller;
    this.#timeoutMs = timeoutMs;
    // Awaited at each request; without this a bad key would end the process before the first one.
    caller.catch(() => undefined);
    this.#agent = new Agent({
      connect: (options, callback) => {
        caller.then(
          ({ certificate }) => pinnedTo(domain, timeoutMs, certificate)(options, callback),
          (thrown: unknown) => callback(thrown instanceof Error ? thrown : new Error(String(thrown)), null),
        );
      },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: LONGEST_ANSWER_BYTES,
      keepAliveTimeout: 4_000,
    });
  }

  /** Never rejects because of the domain; rejects with input.invalid if the caller's key is none. */
  async ask<T>(question: Question<T>): Promise<Answer<T>> {
    return await this.#inTurn(() => this.#ask(question));
  }

  async #ask<T>(question: Question<T>): Promise<Answer<T>> {
    const caller = await this.#caller;
    const move = currentMove();
    const path = `/${question.path.map(encodeURIComponent).join("/")}`;
    const { method, token, form, body: json } = question;
    const presented = await present(caller, this.domain.name, { method, path, token, form });
    try {
      const { statusCode, body } = await request(new URL(path, this.domain.url), {
        dispatcher: this.#agent,
        method,
        // The other limits begin anew with each byte that trickles in.
        signal: AbortSignal.timeout(2 * this.#timeoutMs),
        headers: {
          // By its name, wherever it is reached: a proof is for one domain's request.
          host: this.domain.name,
          ...presented.headers,
          ...(move === undefined ? {} : { [MOVE_HEADER]: move }),
          ...(presented.form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          ...(json === undefined ? {} : { "content-type": "application/json" }),
        },
        body: presented.form?.toString() ?? (json === undefined ? null : JSON.stringify(json)),
      });
      const text = await body.text();
      const content: unknown = text === "" ? undefined : JSON.parse(text);
      if (statusCode >= 200 && statusCode < 300) return { kind: "ok", value: question.answer.parse(content) };
      return { kind: "refused", status: statusCode, refusal: this.#refusal(content, form !== undefined) };
    } catch (thrown) {
      const reason =
        thrown instanceof z.ZodError ? `its answer is malformed: ${z.prettifyError(thrown)}` : told(thrown);
      return { kind: "silent", timedOut: /timeout/i.test(reason), reason };
    }
  }

  /** An OAuth endpoint says it in the words of OAuth. */
  #refusal(content: unknown, ofOAuth: boolean): Refusal {
    const plain = refusal.safeParse(content);
    if (plain.success || !ofOAuth) return plain.success ? plain.data : refusal.parse(content);
    const { error, error_description: reason, refusal: about } = tokenError.parse(content);
    return about ?? { error, domain: this.domain.name, reason };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Trust in exactly one certificate, looked at before a byte of a request is sent. */
function pinnedTo(domain: DomainRecord, timeoutMs: number, own: TlsIdentity | undefined): buildConnector.connector {
  const connect = buildConnector({
    ...own,
    ...{ servername: domain.name, timeout: timeoutMs, minVersion: "TLSv1.3", maxCachedSessions: 0 },
    // No authority vouches for it: `faultOf` does. That the other end has its key, the handshake proves in any case.
    rejectUnauthorized: false,
  });
  return (options, callback) =>
    connect(options, (...[failure, socket]) => {
      const fault = socket === null ? undefined : faultOf(socket, domain);
      if (fault !== undefined) socket?.destroy();
      if (socket === null || fault !== undefined) callback(failure ?? new Error(fault), null);
      else callback(null, socket);
    });
}

/** Why this is not the domain; undefined if it is. */
function faultOf(socket: object, { name, fingerprint }: DomainRecord): string | undefined {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined) return "it shows no certificate";
  const found = certificateFingerprint(shown);
  if (found !== fingerprint) return `it shows another certificate (${found}) than the one pinned for ${name}`;
  if (shown.checkHost(name) === undefined) return `its certificate is not for ${name}`;
  const nowMs = Date.now();
  if (nowMs < shown.validFromDate.getTime() || shown.validToDate.getTime() < nowMs) {
    return `its certificate is for the time from ${shown.validFrom} to ${shown.validTo}`;
  }
  return undefined;
}

/** Errors of sockets often have an empty message and a telling code. */
function told(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  return [code, reasonOf(thrown)].filter((part) => part !== "").join(": ");
}
