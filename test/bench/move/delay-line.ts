import { once } from "node:events";
import { createServer, type Server, Socket } from "node:net";
import { delay } from "../../hypervisor/delay.ts";

/** A TCP port as it is seen from far away, with all the rate there is. */
export interface DelayLine {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Nobody comes in any more, and who is connected is cut off. */
  close(): Promise<void>;
}

/** TCP's handshake is over at the server only when its third packet comes. */
const WAYS_OF_HANDSHAKE = 3;

/**
 * Opens a loopback port that leads to another one. What is sent either way, its end and a reset too, arrives `oneWayMs`
 * later; a connection is made at the server, and its first bytes come, after as long as a handshake would take.
 */
export async function openDelayLine(to: { address: string; port: number }, oneWayMs: number): Promise<DelayLine> {
  const sockets = new Set<Socket>();
  const options = { allowHalfOpen: true, noDelay: true };
  const server = createServer(options, (near) => {
    const far = new Socket(options);
    for (const socket of [near, far]) sockets.add(socket.once("close", () => sockets.delete(socket)));
    join(near, far, oneWayMs);
    setTimeout(() => {
      if (!far.destroyed) far.connect(to.port, to.address);
    }, WAYS_OF_HANDSHAKE * oneWayMs);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: portOf(server),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function join(near: Socket, far: Socket, oneWayMs: number): void {
  const [out, back] = [near.pipe(delay(oneWayMs)), far.pipe(delay(oneWayMs))];
  back.pipe(near);
  // Before that it cannot be written to.
  far.once("connect", () => out.pipe(far));
  for (const [broken, other] of [
    [near, far],
    [far, near],
  ] as const) {
    broken.on("error", () => setTimeout(() => other.resetAndDestroy(), oneWayMs));
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}
