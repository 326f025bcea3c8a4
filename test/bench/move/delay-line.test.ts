import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DelayLine, openDelayLine } from "./delay-line.ts";

const ONE_WAY_MS = 40;
/** Timers may be early by less than this. */
const EARLY_MS = 2;

let server: Server;
let line: DelayLine;
/** The server's ends of the connections. */
let served: Socket[];

/** Whoever comes hears a greeting, and then all that it says. */
beforeEach(async () => {
  served = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(socket.on("error", () => undefined));
    socket.write("hello\n");
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  line = await openDelayLine({ address: "127.0.0.1", port: address.port }, ONE_WAY_MS);
});
afterEach(async () => {
  await line.close();
  for (const socket of served) socket.destroy();
  server.close();
});

const open = (): Socket => connect({ port: line.port, host: "127.0.0.1", allowHalfOpen: true });

test("a greeting takes the handshake's three ways and one more, an answer two", async () => {
  const startedMs = performance.now();
  const socket = open();
  const [greeting] = await once(socket, "data");
  expect(String(greeting)).toBe("hello\n");
  expect(performance.now() - startedMs).toBeGreaterThan(4 * ONE_WAY_MS - EARLY_MS);
  const askedMs = performance.now();
  socket.write("well?");
  const [answer] = await once(socket, "data");
  expect(String(answer)).toBe("well?");
  expect(performance.now() - askedMs).toBeGreaterThan(2 * ONE_WAY_MS - EARLY_MS);
  socket.destroy();
});

test("much is on its way at once, arrives in order, and the end behind it", async () => {
  const startedMs = performance.now();
  const socket = open();
  const said = Array.from({ length: 500 }, (_, index) => `${index}\n`);
  for (const one of said) {
    socket.write(one);
    await new Promise(setImmediate);
  }
  socket.end();
  expect(String(await buffer(socket))).toBe(`hello\n${said.join("")}`);
  // One after the other they would take 500 times two ways.
  expect(performance.now() - startedMs).toBeLessThan(100 * ONE_WAY_MS);
});

test("a connection that is reset at one end is reset at the other, later", async () => {
  const socket = open();
  await once(socket, "data");
  const resetMs = performance.now();
  served[0]?.resetAndDestroy();
  await expect(once(socket, "end")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(performance.now() - resetMs).toBeGreaterThan(ONE_WAY_MS - EARLY_MS);
});

test("a port where nobody listens breaks the connection off, and a closed line takes none", async () => {
  server.close();
  await expect(once(open(), "end")).rejects.toMatchObject({ code: "ECONNRESET" });
  await line.close();
  await expect(once(open(), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
