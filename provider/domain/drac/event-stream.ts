import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import type { Notice } from "./stored/notices.ts";

/** A line that says nothing, so that neither end takes the other for gone. */
const BEAT = ": \n\n";
const BEAT_MS = 15_000;

/**
 * Notices as server-sent events (WHATWG HTML, 9.2), until the signal: a follower that comes back names the last id it saw.
 * Who does not read gets no more until it does.
 */
export function eventStream(notices: AsyncIterable<Notice>, after: number, signal: AbortSignal): Readable {
  const stream = new PassThrough();
  // At once, so that the follower knows that it is heard, and where it was if it hears no more.
  stream.write(`id: ${after}\n\n`);
  const beat = setInterval(() => stream.writableNeedDrain || stream.write(BEAT), BEAT_MS).unref();
  signal.addEventListener("abort", () => clearInterval(beat));
  pour(notices, stream, signal).then(
    () => stream.end(),
    (thrown: unknown) => stream.destroy(thrown instanceof Error && !signal.aborted ? thrown : undefined),
  );
  return stream;
}

async function pour(notices: AsyncIterable<Notice>, stream: PassThrough, signal: AbortSignal): Promise<void> {
  for await (const { sequence, notification } of notices) {
    const event = `id: ${sequence}\nevent: ${notification.what}\ndata: ${JSON.stringify(notification)}\n\n`;
    if (!stream.write(event)) await once(stream, "drain", { signal });
  }
}
