import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { More, Progress } from "../../provider/hypervisor/hypervisor.ts";
import { Budget } from "../../provider/hypervisor/qemu/budget.ts";
import { Qmp } from "../../provider/hypervisor/qemu/qmp.ts";
import { Steward } from "../../provider/hypervisor/qemu/steward.ts";

const command = z.object({ execute: z.string(), arguments: z.record(z.string(), z.unknown()), id: z.number() });
/** What is told, and what the monitor is asked for, in one order. */
let seen: unknown[];
let qmp: Qmp;
let end: () => void;

/** A monitor that does whatever it is asked for, as QEMU's answers: one line each. */
beforeEach(async () => {
  seen = [];
  const server = createServer((socket) => {
    // The client closes without a word.
    const gone = () => undefined;
    const lines = createInterface(socket.on("error", gone)).on("error", gone);
    lines.on("line", (line) => {
      const asked = command.parse(JSON.parse(line));
      if (asked.execute !== "qmp_capabilities") seen.push(asked.arguments);
      socket.write(`${JSON.stringify({ return: {}, id: asked.id })}\r\n`);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server.address());
  qmp = await Qmp.open(connect(port, "127.0.0.1"), "a double");
  end = () => {
    qmp.close();
    server.close();
  };
});
afterEach(() => end());

/** A copy of which each pass leaves as much as the one before: `passes` of them, each looked at until nothing more comes of it. */
async function see(steward: Steward, passes: number, from = 1): Promise<void> {
  for (let round = from; round < from + passes; round++) {
    const progress: Progress = { what: "memory", doneBytes: 1e8, totalBytes: 2e8, bytesPerSecond: 12e6, round };
    await steward.see({ ...progress, expectedDowntimeMs: 1_500 });
  }
}
const stewardWith = (moreBandwidth: () => Promise<More>) =>
  new Steward(qmp, new Budget(500, 1, true), { onNotice: (line) => seen.push(line), moreBandwidth });
const ASKED = "its memory does not converge; the path is to carry more";
const THROTTLED = { "max-cpu-throttle": 20, "cpu-throttle-increment": 20 };

test("a path that carries more: QEMU is told, after the path is raised, and the copy is looked at meanwhile", async () => {
  const raised = Promise.withResolvers<More>();
  const steward = stewardWith(() => raised.promise);
  await see(steward, 20);
  expect(seen).toEqual([ASKED]);
  raised.resolve({ bandwidthMbps: 800 });
  const done = [ASKED, { "max-bandwidth": 100_000_000 }, "the path carries 800 Mbps from now on"];
  await expect.poll(() => seen).toEqual(done);
  await see(steward, 3, 21);
  const slowed = expect.stringMatching(/slowed down by up to 20 %/);
  expect(seen).toEqual([...done, slowed, THROTTLED]);
});

test.each([
  [
    "refused",
    async () => ({ refused: "port west has 200 Mbps left" }),
    /^the path carries no more than it does: port west has/,
  ],
  ["failed", () => Promise.reject(new Error("san is silent")), /^the path carries no more than it does: san is silent/],
])("a raise that is %s is told with its reason, and the guest is slowed down at once", async (_, more, reason) => {
  await see(stewardWith(more), 4);
  const slowed = expect.stringMatching(/slowed down by up to 20 %/);
  await expect.poll(() => seen).toEqual([ASKED, expect.stringMatching(reason), slowed, THROTTLED]);
});

function portOf(address: string | AddressInfo | null): number {
  if (typeof address === "object" && address !== null) return address.port;
  throw new Error("it listens at no port");
}
