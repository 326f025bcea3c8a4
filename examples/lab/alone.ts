import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** An abstract unix socket: it has no file, is bound by one process at a time, and goes with that process. */
const NAME = "\0turntable-labs";
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
    try {
      return await bind();
    } catch (thrown) {
      const isTaken = thrown instanceof Error && "code" in thrown && thrown.code === "EADDRINUSE";
      if (!isTaken || Date.now() > deadline) throw thrown;
    }
  }
}

function bind(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject).listen(NAME, () => resolve(server));
  });
}
