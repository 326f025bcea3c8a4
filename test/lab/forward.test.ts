import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "../../examples/lab/command.ts";
import { freePorts } from "./second-lab.ts";
import { endChild, serveTraffic } from "./traffic.ts";

const FORWARDER = fileURLToPath(new URL("../../examples/lab/forward.py", import.meta.url));

describe("the forwarder", () => {
  const namespace = `fwd-${Math.random().toString(36).slice(2, 8)}`;
  let open = 0;
  let closed = 0;
  let server: ChildProcess | undefined;
  let forwarder: ChildProcess | undefined;

  beforeAll(async () => {
    [open = 0, closed = 0] = await freePorts(2);
    await run(["ip", "netns", "add", namespace]);
    await run(["ip", "-n", namespace, "link", "set", "lo", "up"]);
    server = await serveTraffic(namespace, "127.0.0.1");
    const rules = [`${open}=127.0.0.1:5555`, `${closed}=127.0.0.1:5556`];
    forwarder = spawn("python3", [FORWARDER, namespace, ...rules], { stdio: "inherit" });
    await vi.waitFor(() => whatComesBack(open, ""), { timeout: 20_000 });
  });

  afterAll(async () => {
    await endChild(forwarder);
    await endChild(server);
    await run(["ip", "netns", "delete", namespace]);
  });

  it("leads into the namespace, passes the end of one direction on and still brings the answer", async () => {
    // The server answers only once it has seen the end of what it was sent.
    const answer: unknown = JSON.parse(await whatComesBack(open, "x".repeat(300_000)));
    expect(answer).toMatchObject({ bytes: 300_000 });
  });

  it("breaks the connection off when nothing answers inside", async () => {
    await expect(whatComesBack(closed, "")).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("says which port it could not open", async () => {
    const second = spawn("python3", [FORWARDER, namespace, `${open}=127.0.0.1:5555`]);
    expect(await text(second.stderr)).toContain(`127.0.0.1:${open} cannot be opened: Address already in use`);
  });
});

async function whatComesBack(port: number, sent: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.end(sent);
  return text(socket);
}
