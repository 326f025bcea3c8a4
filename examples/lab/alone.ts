import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const NAME = "turntable-labs";
const PATIENCE_MS = 60_000;

/**
 * Does something to what all labs of this machine have in common, while no other process does: labs may come and go
 * side by side. Rejects, with nothing done, if another process holds it for 60 s.
 */
export async function alone<T>(act: () => Promise<T>): Promise<T> {
  const held = await hold();
  try {
    return await act();
  } finally {
    await new Promise((resolve) => held.close(resolve));
  }
}

async function hold(): Promise<Server> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(20)) {
    const held = await claim(NAME);
    if (held) return held;
    if (Date.now() > deadline) throw new Error(`another process holds ${NAME} for ${PATIENCE_MS / 1_000} s`);
  }
}

/**
 * A name on this machine that one process holds at a time, until it lets go or ends; undefined if another has it. It is
 * an abstract unix socket (unix(7)), which has no file.
 */
export function claim(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    const refused = (thrown: Error) => {
      if ("code" in thrown && thrown.code === "EADDRINUSE") resolve(undefined);
      else reject(thrown);
    };
    server.once("error", refused).listen(`\0${name}`, () => resolve(server));
  });
}
