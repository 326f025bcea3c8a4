import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { within } from "../../provider/host/deadline.ts";
import type { Host } from "../../provider/host/host.ts";
import { hostOver } from "../../provider/host/host-over.ts";
import { LOST, type Transport } from "../../provider/host/transport.ts";

/** Instead of the bootstrap, a hostile host runs a program of its own. */
function hostile(program: string): Host {
  const transport: Transport = {
    name: "mallory",
    open: async () => {
      const child = spawn("python3", ["-c", `import json, os, sys, time\n${program}`], { stdio: "pipe" });
      stops.push(() => child.kill("SIGKILL"));
      const ended = once(child, "close").then(([code]) => (typeof code === "number" ? code : LOST));
      return { input: child.stdin, output: child.stdout, errors: child.stderr, ended };
    },
    connect: () => Promise.reject(new Error("no socket")),
    close: async () => undefined,
  };
  return hostOver(transport);
}
const stops: (() => void)[] = [];

describe("a hostile host", () => {
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  const flood = `
try:
    while True: os.write(1, b"x" * 65536)
except OSError: time.sleep(60)
`;

  test("does not fill the memory with a line that has no end", async () => {
    const before = process.memoryUsage().rss;
    await expect(hostile(flood).run(["true"])).rejects.toMatchObject({ code: "host.unreachable" });
    const pilot = await hostile(flood).pilot("", {});
    await expect(pilot.messages[Symbol.asyncIterator]().next()).rejects.toThrow(/mallory wrote a line without an end/);
    expect((await pilot.ended).code).toBe(LOST);
    expect(process.memoryUsage().rss - before).toBeLessThan(400e6);
  });

  test("does not fill it with messages that nobody asked for", async () => {
    const pilot = await hostile(`
try:
    while True: os.write(1, b"{}\\n" * 1000)
except OSError: time.sleep(60)
`).pilot("", {});
    expect((await pilot.ended).code).toBe(LOST);
    const unread: unknown[] = [];
    const reading = (async () => {
      for await (const message of pilot.messages) unread.push(message);
    })();
    await expect(reading).rejects.toThrow(/sent 200000 messages that nobody asked for/);
    expect(unread).toHaveLength(200_000);
  });

  test.each([
    "nonsense",
    '{"id": 1}',
    '{"id": 1, "result": {"code": "x"}}',
    '{"id": 1, "result": 7, "more": 1}',
    "[[[",
  ])("that answers %s is no success", async (answer) => {
    const host = hostile(`print(${JSON.stringify(answer)}, flush=True)\nsys.exit(0)`);
    await expect(host.run(["true"])).rejects.toMatchObject({ code: /host\.(unreachable|command-failed)/ });
  });

  test("cannot keep anybody waiting for good", async () => {
    const never = new Promise<string>(() => undefined);
    await expect(within(20, never, () => new Error("late"))).rejects.toThrow("late");
    const pilot = await hostile("time.sleep(600)").pilot("", {});
    pilot.close();
    expect((await pilot.ended).code).toBe(LOST);
  }, 15_000);
});
