import { Agent, request } from "undici";
import { z } from "zod";
import { pinnedTo } from "../../aaa/channel.ts";
import type { OscarsRecord } from "./record.ts";

/** Far more than any answer has: a controller cannot fill the memory of who asks it. */
const LONGEST_ANSWER_BYTES = 16 * 1_024 * 1_024;

export interface Question<T> {
  readonly method: "GET" | "POST";
  /** Segments of the path, each escaped. */
  readonly path: readonly string[];
  /** A text is sent as it is, as OSCARS wants ids. */
  readonly body?: object | string;
  /** Of the answer's text. */
  readonly answer: z.ZodType<T>;
}

/** It answered that it does not do it; why, OSCARS never says. */
export class OscarsRefusal extends Error {
  override readonly name = "OscarsRefusal";
  readonly status: number;

  constructor(status: number) {
    super(`it answered with status ${status}`);
    this.status = status;
  }
}

/** HTTPS with the controller's certificate pinned, and the token that it knows this program by. */
export class Line {
  readonly #record: OscarsRecord;
  readonly #token: () => string;
  readonly #timeoutMs: number;
  readonly #agent: Agent;

  /** Touches no network. `token` throws credentials.missing. */
  constructor(record: OscarsRecord, token: () => string, timeoutMs: number) {
    this.#record = record;
    this.#token = token;
    this.#timeoutMs = timeoutMs;
    this.#agent = new Agent({
      // Other people's controllers may be older than TLS 1.3.
      connect: pinnedTo({ fingerprint: record.fingerprint }, timeoutMs, { minVersion: "TLSv1.2" }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: LONGEST_ANSWER_BYTES,
      keepAliveTimeout: 4_000,
    });
  }

  /** Resolves with the answer. Rejects with OscarsRefusal, or because there is none that can be understood. */
  async ask<T>({ method, path, body, answer }: Question<T>): Promise<T> {
    const token = this.#token();
    const { statusCode, body: answered } = await request(this.#at(path), {
      dispatcher: this.#agent,
      method,
      // The other limits begin anew with each byte that trickles in.
      signal: AbortSignal.timeout(2 * this.#timeoutMs),
      headers: {
        // 1.0 had a header of its own before it took the usual one.
        ...{ authorization: `Bearer ${token}`, authentication: token, accept: "application/json, text/plain" },
        ...(body === undefined ? {} : { "content-type": typeof body === "string" ? "text/plain" : "application/json" }),
      },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await answered.text();
    if (statusCode < 200 || statusCode > 299) throw new OscarsRefusal(statusCode);
    const parsed = answer.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new Error(`its answer is malformed: ${z.prettifyError(parsed.error)}`);
  }

  /** Ends its connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #at(path: readonly string[]): URL {
    return new URL(path.map(encodeURIComponent).join("/"), `${this.#record.url.replace(/\/*$/, "")}/`);
  }
}
