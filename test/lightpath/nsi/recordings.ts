import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const FOLDER = path.resolve(import.meta.dirname, "../../fixtures/nsi");

/** Servers whose messages were recorded. */
export const SERVERS = ["opennsa", "opennsa-multidomain", "supa-polynsi", "oscars-1.0.43-nsi"] as const;
export type Server = (typeof SERVERS)[number];

/** One message that passed: `05-reserveCommit-request`. */
export interface Recording {
  readonly name: string;
  /** Of the answer; 0 of what is no answer or came without its head. */
  readonly status: number;
  /** Of a request: as `SOAPAction` names it. */
  readonly action: string | undefined;
  /** Lines of HTTP before the body, of what came with them. */
  readonly head: string;
  readonly body: string;
}

/** In the order in which they passed. */
export function recordingsOf(server: Server): readonly Recording[] {
  const folder = path.join(FOLDER, server);
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const whole = readFileSync(path.join(folder, file), "utf8");
      const begins = whole.search(/<(\?xml|soap:Envelope)/);
      const head = whole.slice(0, begins);
      return {
        name: file.replace(/\.http$/, ""),
        status: Number(/^HTTP\/1\.\d (\d+)/.exec(head)?.[1] ?? 0),
        action: /^soapaction: "?[^"]*\/(\w+)"?/im.exec(head)?.[1],
        ...{ head, body: whole.slice(begins) },
      };
    });
}
