import { TurntableError } from "../errors.ts";
import { programInput } from "./bootstrap.ts";
import type { Pilot } from "./host.ts";
import { jsonLine, readJsonLines } from "./json-lines.ts";
import { tailOf } from "./tail.ts";
import { type Channel, LOST } from "./transport.ts";

/** So many messages that nobody asked for mean that the host means ill. */
const MOST_UNREAD = 200_000;
/** How long a program that was told to end may take before it is heard no more. */
const FAREWELL_MS = 10_000;

/** Messages that arrived and were not asked for yet; a reader that stops half-way can begin again where it stopped. */
class Inbox implements AsyncIterable<unknown> {
  #messages: unknown[] = [];
  /** So many of them were read: to shift a long array costs its length each time. */
  #read = 0;
  readonly #waiting: PromiseWithResolvers<IteratorResult<unknown>>[] = [];
  #over = false;
  #failure: TurntableError | undefined;

  /** False if there is no room for it. */
  put(message: unknown): boolean {
    const reader = this.#waiting.shift();
    if (reader) reader.resolve({ value: message, done: false });
    else if (this.#messages.length - this.#read < MOST_UNREAD) this.#messages.push(message);
    else return false;
    return true;
  }

  end(failure: TurntableError | undefined): void {
    this.#over = true;
    this.#failure ??= failure;
    for (const reader of this.#waiting.splice(0)) this.#finish(reader);
  }

  #next(): unknown {
    const message = this.#messages[this.#read];
    this.#read += 1;
    if (this.#read < this.#messages.length / 2) return message;
    this.#messages = this.#messages.slice(this.#read);
    this.#read = 0;
    return message;
  }

  #finish(reader: PromiseWithResolvers<IteratorResult<unknown>>): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) reader.reject(failure);
    else reader.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: () => {
        const reader = Promise.withResolvers<IteratorResult<unknown>>();
        if (this.#read < this.#messages.length) reader.resolve({ value: this.#next(), done: false });
        else if (this.#over) this.#finish(reader);
        else this.#waiting.push(reader);
        return reader.promise;
      },
    };
  }
}

/**
 * Runs `source` over a fresh channel.
 * Output is read whether or not anybody iterates: a program must never stand still because its reader is busy.
 */
export function pilotOver(hostName: string, channel: Channel, source: string, parameters: object): Pilot {
  const inbox = new Inbox();
  let failure: TurntableError | undefined;
  const fail = (did: string) => {
    failure ??= new TurntableError("host.command-failed", `A program at ${hostName} ${did}`, {
      retry: "never",
      next: "Report this as a fault of the program",
    });
  };
  const silenced = Promise.withResolvers<number>();
  const cut = () => {
    channel.output.destroy();
    silenced.resolve(LOST);
  };
  const message = (received: unknown) => {
    if (inbox.put(received)) return;
    fail(`sent ${MOST_UNREAD} messages that nobody asked for`);
    cut();
  };
  const endless = () => {
    fail("wrote a line without an end");
    cut();
  };
  readJsonLines(channel.output, { message, garbage: (line) => fail(`wrote "${line}", not JSON`), endless });
  const stderr = tailOf(channel.errors);
  // A program that has ended takes no more input; `ended` says why, so the stream's own error says nothing new.
  channel.input.on("error", () => undefined);
  channel.input.write(programInput(source, parameters));
  const ended = Promise.race([channel.ended, silenced.promise]).then((code) => {
    inbox.end(failure);
    return { code, stdout: "", stderr: stderr() };
  });
  return {
    send: (message) => {
      if (channel.input.writable) channel.input.write(jsonLine(message));
    },
    messages: inbox,
    ended,
    close: () => {
      channel.input.end();
      const farewell = setTimeout(cut, FAREWELL_MS);
      farewell.unref();
      ended.then(() => clearTimeout(farewell));
    },
  };
}
