import { TLSSocket } from "node:tls";
import pLimit from "p-limit";
import { Agent, buildConnector, request } from "undici";
import { z } from "zod";
import { currentMove, MOVE_HEADER } from "../correlation.ts";
import { reasonOf } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { Credential } from "./credential.ts";
import { certificateFingerprint, type DomainRecord } from "./domain-record.ts";
import { tokenError } from "./oauth.ts";
import { present } from "./presentation.ts";
import { type Refusal, refusal } from "./wire.ts";

/** How a domain answered. `silent`: it could not be reached, is not the pinned one (`impostor`), or spoke nonsense. */
export type Answer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "refused"; readonly status: number; readonly refusal: Refusal }
  | { readonly kind: "silent"; readonly timedOut: boolean; readonly impostor: boolean; readonly reason: string };

export interface Question<T> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Segments of the path, each escaped. */
  readonly path: readonly string[];
  readonly body?: object;
  /** For an OAuth endpoint, instead of a body. */
  readonly form?: Readonly<Record<string, string | readonly string[]>>;
  readonly token?: string;
  /** What the domain asks of the others with the token, by the same method: segments of the path. */
  readonly onwards?: readonly string[];
  /** What an agent passes on of its caller's. */
  readonly passedOn?: Credential;
  /** Of the answer's body. */
  readonly answer: z.ZodType<T>;
}

/** Far more than any answer has: a domain cannot fill the memory of who asks it. */
const LONGEST_ANSWER_BYTES = 4 * 1_024 * 1_024;

/** Who is followed says at least that it is there. */
const LONGEST_SILENCE_MS = 60_000;
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
    const path = pathOf(question.path);
    const { method, token, form, passedOn, body: json } = question;
    const onwards = question.onwards && pathOf(question.onwards);
    const presented = await present(caller, this.domain.name, { method, path, token, onwards, form, passedOn });
    try {
      const { statusCode, body } = await request(new URL(path, this.domain.url), {
        dispatcher: this.#agent,
        method,
        // The other limits begin anew with each byte that trickles in.
        signal: AbortSignal.timeout(2 * this.#timeoutMs),
        headers: {
          ...this.#common(),
          ...presented.headers,
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
      return silent(thrown);
    }
  }

  /**
   * Follows an answer that goes on until the signal. Never rejects because of the domain; what breaks off later rejects where
   * it is read, as does a domain that sends nothing for a minute.
   */
  async follow(
    segments: readonly string[],
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answer<AsyncIterable<Uint8Array>>> {
    const caller = await this.#caller;
    const path = pathOf(segments);
    const presented = await present(caller, this.domain.name, { method: "GET", path });
    try {
      const { statusCode, body } = await request(new URL(path, this.domain.url), {
        ...{ dispatcher: this.#agent, method: "GET", signal, bodyTimeout: LONGEST_SILENCE_MS },
        headers: { ...this.#common(), ...presented.headers, ...headers },
      });
      if (statusCode === 200) return { kind: "ok", value: body };
      return { kind: "refused", status: statusCode, refusal: refusal.parse(await body.json()) };
    } catch (thrown) {
      return silent(thrown);
    }
  }

  /** A domain is called by its name, wherever it is reached: a proof is for one domain's request. */
  #common(): Record<string, string> {
    const move = currentMove();
    return { host: this.domain.name, ...(move === undefined ? {} : { [MOVE_HEADER]: move }) };
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

function silent(thrown: unknown): Extract<Answer<never>, { kind: "silent" }> {
  const reason = thrown instanceof z.ZodError ? `its answer is malformed: ${z.prettifyError(thrown)}` : told(thrown);
  return { kind: "silent", timedOut: /timeout/i.test(reason), impostor: thrown instanceof Impostor, reason };
}

function pathOf(segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join("/")}`;
}

/** What answers is not the domain. */
class Impostor extends Error {}

/** Whom to trust: who has the key of this certificate, and is called so if there is a name. */
export type Pinned = Pick<DomainRecord, "fingerprint"> & Partial<Pick<DomainRecord, "name">>;

/**
 * Trust in exactly one certificate, looked at before a byte of a request is sent. `own`: what is shown to a far end that
 * wants to know who calls (mutual TLS), and the oldest TLS that is spoken.
 */
export function pinnedTo(
  domain: Pinned,
  timeoutMs: number,
  own: { readonly cert?: string; readonly key?: string; readonly minVersion?: "TLSv1.2" } = {},
): buildConnector.connector {
  const connect = buildConnector({
    ...{ servername: domain.name ?? "", timeout: timeoutMs, minVersion: "TLSv1.3", maxCachedSessions: 0, ...own },
    // No authority vouches for it: `faultOf` does. That the other end has its key, the handshake proves in any case.
    rejectUnauthorized: false,
  });
  return (options, callback) =>
    connect(options, (...[failure, socket]) => {
      const fault = socket === null ? undefined : faultOf(socket, domain);
      if (fault !== undefined) socket?.destroy();
      if (socket === null || fault !== undefined) callback(failure ?? new Impostor(fault), null);
      else callback(null, socket);
    });
}

/** Why this is not the domain; undefined if it is. */
function faultOf(socket: object, { name, fingerprint }: Pinned): string | undefined {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined) return "it shows no certificate";
  const found = certificateFingerprint(shown);
  if (found !== fingerprint) return `it shows another certificate (${found}) than the one pinned for ${name ?? "it"}`;
  if (name !== undefined && shown.checkHost(name) === undefined) return `its certificate is not for ${name}`;
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
