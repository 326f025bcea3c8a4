import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import { callerOf, type TlsIdentity } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { tokenError } from "../../provider/aaa/oauth.ts";
import { granted } from "../../provider/aaa/outcome.ts";
import { refusal } from "../../provider/aaa/wire.ts";
import type { Testbed } from "../domain/testbed.ts";

export interface Sent {
  readonly method?: "POST" | "GET";
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** Somebody who asks ams.example whatever he likes, from an address of his choice. */
export class Raw {
  readonly #bed: Testbed;
  readonly #dispatcher: Agent;

  private constructor(bed: Testbed, dispatcher: Agent) {
    this.#bed = bed;
    this.#dispatcher = dispatcher;
  }

  /** `own`: the certificate that is shown, if one is. */
  static async from(bed: Testbed, localAddress = "127.0.0.1", own?: TlsIdentity): Promise<Raw> {
    const ca = await readFile(bed.certificateFile("ams.example"));
    return new Raw(
      bed,
      new Agent({ connections: 8, localAddress, connect: { ca, servername: "ams.example", ...own } }),
    );
  }

  /** The status, and the refusal if it is one. Rejects if the answer is neither good nor a refusal in due form. */
  async ask({ method = "GET", path, headers, body = "" }: Sent) {
    const url = this.#bed.records["ams.example"].url + path;
    const sent = { method, headers, body: method === "POST" ? body : null, dispatcher: this.#dispatcher };
    const answer = await request(url, sent);
    const content = await answer.body.json();
    const status = answer.statusCode;
    if (status < 300) return { status, refused: undefined };
    const inOAuth = tokenError.safeParse(content).data?.refusal;
    return { status, refused: inOAuth ?? refusal.parse(content) };
  }

  /** Rejects as the product's own clients do if it is refused. */
  async require(sent: Sent): Promise<void> {
    const { status, refused } = await this.ask(sent);
    if (refused === undefined) return;
    const channel = new Channel(this.#bed.records["ams.example"], callerOf(this.#bed.clients.alice), 10_000);
    granted({ kind: "refused", status, refusal: refused }, channel, `answer ${sent.path}`);
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
  }
}
