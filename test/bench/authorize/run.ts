import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { AaaClient } from "../../../provider/aaa/client.ts";
import { grantFor, tokenRequestFor, wishFor } from "../../domain/agents.ts";
import { makeTestbed, NAMES, type Name, type Testbed } from "../../domain/testbed.ts";

export interface Row {
  readonly variant: "at once" | "one after the other";
  readonly seconds: number;
  /** Of one authorization, with its wait for the others. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

const PROGRAM = new URL("../../../provider/main.ts", import.meta.url).pathname;
/** Compiled code and open connections are not what is measured. */
const WARM_UP = 5;
/** All of them together are well within what the domains permit and have. */
const BANDWIDTH_MBPS = 1;

/** Authorizes so many moves, each of a VM of its own, at once and one after the other. Rejects if one is refused. */
export async function measure(moves: number): Promise<readonly Row[]> {
  const bed = await makeTestbed();
  const agents: ChildProcessWithoutNullStreams[] = [];
  const aaa = new AaaClient(bed.records["ams.example"], bed.clients.alice);
  try {
    for (const name of NAMES) agents.push(await start(bed, name));
    for (let turn = 0; turn < WARM_UP; turn++) await authorize(aaa, `warm-${turn}`);
    const vms = (prefix: string) => Array.from({ length: moves }, (_, index) => `${prefix}-${index}`);
    const atOnce = await timed("at once", async () => await Promise.all(vms("once").map((vm) => authorize(aaa, vm))));
    const inTurn = await timed("one after the other", async () => {
      const timesMs: number[] = [];
      for (const vm of vms("turn")) timesMs.push(await authorize(aaa, vm));
      return timesMs;
    });
    return [atOnce, inTurn];
  } finally {
    await aaa.close();
    await Promise.all(agents.map(ended));
    await bed.remove();
  }
}

/** As a move does it: a grant of every domain on the way, then a token under it. Resolves with how long it took, in ms. */
async function authorize(aaa: AaaClient, vm: string): Promise<number> {
  const beganMs = performance.now();
  const wish = wishFor({ vm, bandwidthMbps: BANDWIDTH_MBPS });
  const { jwt } = await aaa.requestGrant(grantFor(wish));
  await aaa.mintToken({ ...tokenRequestFor(wish), grant: jwt });
  return performance.now() - beganMs;
}

async function timed(variant: Row["variant"], task: () => Promise<readonly number[]>): Promise<Row> {
  const beganMs = performance.now();
  const sorted = (await task()).toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { variant, seconds: (performance.now() - beganMs) / 1_000, medianMs: at(0.5), p99Ms: at(0.99) };
}

async function start(bed: Testbed, name: Name): Promise<ChildProcessWithoutNullStreams> {
  const agent = spawn(process.execPath, [PROGRAM, "domain", "--config", bed.configFile(name)]);
  agent.stderr.resume();
  const { value } = await createInterface(agent.stdout)[Symbol.asyncIterator]().next();
  if (value?.endsWith("listening")) return agent;
  agent.kill();
  throw new Error(`the agent of ${name} did not start: ${value}`);
}

async function ended(agent: ChildProcessWithoutNullStreams): Promise<void> {
  const gone = once(agent, "exit");
  if (agent.kill("SIGTERM")) await gone;
}
