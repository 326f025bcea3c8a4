import { setTimeout as sleep } from "node:timers/promises";
import { createParser } from "eventsource-parser";
import type { Channel } from "../../aaa/channel.ts";
import { granted } from "../../aaa/outcome.ts";
import { type Notification, notification } from "./wire.ts";

const PAUSE_MS = 1_000;

/**
 * What becomes of the caller's connections at a domain, from now on until the signal. Where the domain breaks off it is
 * followed again from where it was, so that nothing is missed once it has answered first. Rejects as other questions do if it
 * refuses, or does not answer at first.
 */
export async function* notificationsOf(channel: Channel, signal: AbortSignal): AsyncGenerator<Notification> {
  let last: string | undefined;
  for (let begun = false; !signal.aborted; begun = true) {
    const after = last === undefined ? {} : { "last-event-id": last };
    const answer = await channel.follow(["drac", "notifications"], after, signal);
    if (signal.aborted) return;
    if (answer.kind === "silent" && begun) await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    else {
      for await (const { id, data } of eventsIn(granted(answer, channel, "notify"))) {
        last = id;
        if (data !== undefined) yield notification.parse(JSON.parse(data));
      }
    }
  }
}

/** An event, or, without data, where the stream begins. */
interface Heard {
  readonly id: string | undefined;
  readonly data?: string;
}

/** Ends where the stream does, however it does. */
async function* eventsIn(body: AsyncIterable<Uint8Array>): AsyncGenerator<Heard> {
  const heard: Heard[] = [];
  const parser = createParser({
    onId: (id) => void heard.push({ id }),
    onEvent: ({ id, data }) => void heard.push({ id, data }),
  });
  const text = new TextDecoder();
  const chunks = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await chunks.next().catch(() => ({ done: true, value: undefined }) as const);
    if (done) return;
    parser.feed(text.decode(value, { stream: true }));
    yield* heard.splice(0);
  }
}
