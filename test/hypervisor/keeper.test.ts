import { createHmac } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Host, Pilot } from "../../provider/host/host.ts";
import { openLocal } from "../../provider/host/local.ts";

const FOLDER = new URL("../../provider/hypervisor/qemu/pilot/", import.meta.url);
const PARTS = [
  "monitor",
  "orders",
  "seal",
  "heartbeat",
  "detached",
  "process",
  "way",
  "verdict",
  "durable",
  "arrival",
  "keeper",
];
/** A keeper whose pilot is alive and says nothing for as long as this program's input is open. */
const MAIN = `
LIVELY_SECONDS = 0.5
looks = 0

class Observed(Keeper):
    def _has_record(self):
        global looks
        looks += 1
        return super()._has_record()

parameters = Orders().await_first()
way = datagram_socket("127.0.0.1")
say("listening", port=way.getsockname()[1])
Observed(Leash(0), [way], parameters).keep()
say("ended", looks=looks)
`;
const KEY = "a5".repeat(32);
const EPOCH = 7;
const MOVE = "m7";
const SILENCE_MS = 500;
const CALM_MS = 3_000;
const listening = z.object({ port: z.int() });
const ended = z.object({ kind: z.literal("ended"), looks: z.int() });
let host: Host;
let directory: string;
let keeper: Pilot;
let socket: Socket;
let port: number;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tt-k-"));
  await mkdir(`${directory}/vm`);
  await record("incoming");
  host = openLocal("keeper");
  const program = [...PARTS.map((name) => readFileSync(new URL(`${name}.py`, FOLDER), "utf8")), MAIN].join("\n");
  keeper = await host.pilot(program, {
    ...{
      key: KEY,
      epoch: EPOCH,
      generation: MOVE,
      pid: `${directory}/vm/qemu.pid`,
      turns: [],
    },
    way: { guards: [], helper: `${directory}/vm/way.pid`, folder: `${directory}/vm/way` },
    record: { path: `${directory}/vm/vm.json` },
    guardianMonitor: `${directory}/vm/nobody.sock`,
  });
  port = listening.parse((await keeper.messages[Symbol.asyncIterator]().next()).value).port;
  socket = createSocket("udp4");
});
afterEach(async () => {
  socket.close();
  keeper.close();
  await host.close();
  await rm(directory, { recursive: true, force: true });
});

async function record(role: string, generation = MOVE): Promise<void> {
  await writeFile(`${directory}/vm/draft`, JSON.stringify({ role, epoch: EPOCH, generation }));
  await rename(`${directory}/vm/draft`, `${directory}/vm/vm.json`);
}
const recorded = async () =>
  z.object({ role: z.string() }).parse(JSON.parse(await readFile(`${directory}/vm/vm.json`, "utf8")));

function sealed(text: string, key = KEY): string {
  return `${text} ${createHmac("sha256", Buffer.from(key, "hex")).update(text).digest("hex")}`;
}

/** What is answered, or undefined. */
async function ask(datagram: string): Promise<string | undefined> {
  const timer = new AbortController();
  const heard = once(socket, "message", { signal: timer.signal }).then(([message]) => String(message));
  socket.send(datagram, port, "127.0.0.1");
  const answer = await Promise.race([heard.catch(() => undefined), sleep(SILENCE_MS, undefined)]);
  timer.abort();
  return answer;
}

test("who asks with another key, or of another epoch, is not answered, and nothing is refused", async () => {
  expect(await ask(sealed("who 7", "5a".repeat(32)))).toBeUndefined();
  expect(await ask(sealed("who 6"))).toBeUndefined();
  expect(await ask("who 7")).toBeUndefined();
  expect(await ask("\xff\xfe")).toBeUndefined();
  expect(await recorded()).toEqual({ role: "incoming" });
});

test("an arrival that was not committed is refused durably before that is answered, and stays so", async () => {
  expect(await ask(sealed("who 7"))).toBe(sealed("refused 7"));
  expect(await recorded()).toEqual({ role: "refused" });
  expect(await ask(sealed("who 7"))).toBe(sealed("refused 7"));
});

test("a committed one is never taken back; the keeper goes when its pilot has, and the source has heard", async () => {
  await record("active");
  expect(await ask(sealed("who 7"))).toBe(sealed("active 7"));
  expect(await recorded()).toEqual({ role: "active" });
  expect(await ask(sealed("heard 7"))).toBe(sealed("farewell 7"));
  expect(await ask(sealed("who 7"))).toBe(sealed("active 7"));
  keeper.close();
  expect((await keeper.ended).code).toBe(0);
});

test("it goes when the record is, though the VM's folder stays for a replica", async () => {
  await rm(`${directory}/vm/vm.json`);
  expect((await keeper.ended).code).toBe(0);
});

test("it goes when the record is another move's, and lets that one be", async () => {
  await record("incoming", "m8");
  expect((await keeper.ended).code).toBe(0);
  expect(await recorded()).toEqual({ role: "incoming" });
});

test("after its first moments it looks at the record once a second, and answers no later for that", async () => {
  await sleep(CALM_MS);
  expect(await ask(sealed("who 7"))).toBe(sealed("refused 7"));
  await rm(`${directory}/vm/vm.json`);
  const { value } = await keeper.messages[Symbol.asyncIterator]().next();
  // Ten times a second for half a second, then once a second, and twice for the question.
  expect(ended.parse(value).looks).toBeLessThan(15);
});

test("asked in the very moment in which the record became another move's, it says nothing and lets that one be", async () => {
  await sleep(1_000);
  await record("incoming", "m8");
  expect(await ask(sealed("who 7"))).toBeUndefined();
  expect(await recorded()).toEqual({ role: "incoming" });
  expect((await keeper.ended).code).toBe(0);
});
