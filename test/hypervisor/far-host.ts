import { type Duplex, Duplex as DuplexStream } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Host, Pilot } from "../../provider/host/host.ts";
import { delay } from "./delay.ts";

/** A host as a controller far away has it: whatever is said to it or heard from it is `oneWayMs` on its way. */
export function farHost(host: Host, oneWayMs: number): Host {
  async function far<T>(act: () => Promise<T>): Promise<T> {
    await sleep(oneWayMs);
    return await act().finally(() => sleep(oneWayMs));
  }
  return {
    name: host.name,
    run: (argv, options) => far(() => host.run(argv, options)),
    launch: (argv, options) => far(() => host.launch(argv, options)),
    readFile: (path) => far(() => host.readFile(path)),
    writeFile: (path, content, mode) => far(() => host.writeFile(path, content, mode)),
    remove: (path) => far(() => host.remove(path)),
    list: (path) => far(() => host.list(path)),
    connect: async (path) => farStream(await far(() => host.connect(path)), oneWayMs),
    pilot: async (source, parameters) => farPilot(await far(() => host.pilot(source, parameters)), oneWayMs),
    close: () => host.close(),
  };
}

function farPilot(pilot: Pilot, oneWayMs: number): Pilot {
  return {
    send: (message) => void setTimeout(() => pilot.send(message), oneWayMs),
    messages: late(pilot.messages, oneWayMs),
    ended: pilot.ended.finally(() => sleep(oneWayMs)),
    close: () => void setTimeout(() => pilot.close(), oneWayMs),
  };
}

async function* late(messages: AsyncIterable<unknown>, oneWayMs: number): AsyncIterable<unknown> {
  for await (const message of messages) {
    await sleep(oneWayMs);
    yield message;
  }
}

function farStream(near: Duplex, oneWayMs: number): Duplex {
  const [out, back] = [delay(oneWayMs), delay(oneWayMs)];
  // What is cut off in the middle tells its reader; nobody else is to hear of it.
  for (const way of [out, back]) way.on("error", () => undefined);
  out.pipe(near).pipe(back);
  const stream = DuplexStream.from({ writable: out, readable: back });
  stream.on("close", () => near.destroy());
  return stream;
}
