import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Host, Pilot } from "../../provider/host/host.ts";

const PROGRAM = readFileSync(new URL("./session.py", import.meta.url), "utf8");
const PORT = 7000;

const numbers = z.strictObject({ expects: z.int(), sends: z.int() });
const ready = z.strictObject({ ready: z.int() });

/** Sequence numbers of the next byte that an end expects, and of the next that it sends. */
export type Numbers = z.output<typeof numbers>;

/** One end of TCP sessions with a VM: that of a client, which is of one session, or that of the VM, which is of all. */
export class SessionEnd {
  readonly #pilot: Pilot;
  readonly #messages: AsyncIterator<unknown>;
  /** Its own. */
  port = 0;

  private constructor(pilot: Pilot) {
    this.#pilot = pilot;
    this.#messages = pilot.messages[Symbol.asyncIterator]();
  }

  /** The VM's end, which echoes what is said. */
  static serve(vm: Host, address: string): Promise<SessionEnd> {
    return SessionEnd.#start(vm, { do: "serve", address, port: PORT });
  }

  /** A session with the VM at `address`. */
  static open(client: Host, address: string): Promise<SessionEnd> {
    return SessionEnd.#start(client, { do: "open", address, port: PORT });
  }

  static async #start(host: Host, parameters: object): Promise<SessionEnd> {
    const end = new SessionEnd(await host.pilot(PROGRAM, parameters));
    try {
      end.port = ready.parse(await end.told()).ready;
      return end;
    } catch (thrown) {
      await end.close();
      throw thrown;
    }
  }

  /** What it tells next: {heard}, or {lost}. Undefined when it has ended. */
  async told(): Promise<unknown> {
    return (await this.#messages.next()).value;
  }

  /** Says something to the other end; what came of it is as with `told`. */
  say(text: string): Promise<unknown> {
    this.#pilot.send({ say: text });
    return this.told();
  }

  async numbers(): Promise<Numbers> {
    this.#pilot.send({ ask: "numbers" });
    return z.strictObject({ numbers }).parse(await this.told()).numbers;
  }

  async close(): Promise<void> {
    this.#pilot.close();
    await this.#pilot.ended;
  }
}
