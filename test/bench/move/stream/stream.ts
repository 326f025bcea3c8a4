import { readFileSync } from "node:fs";
import { z } from "zod";
import { watchBytes } from "../../../../examples/lab/probe/bytes.ts";
import { monotonicMs } from "../../../../examples/lab/probe/report.ts";
import type { LitPath } from "../path.ts";
import { steadyRateMBps } from "../rate.ts";

const SECONDS = 10;

const program = (name: string): string => readFileSync(new URL(`${name}.py`, import.meta.url), "utf8");
const listening = z.object({ port: z.int() });

/** What one TCP stream carries over the path from ams, in 10^6 bytes a second, measured as a copy is. */
export async function measureStream({ ams, san }: LitPath, namespace: string): Promise<number> {
  const { address } = san;
  const sink = await san.host.pilot(program("sink"), { address });
  const meter = await watchBytes(namespace, "lp");
  try {
    const words = sink.messages[Symbol.asyncIterator]();
    const { port } = listening.parse((await words.next()).value);
    const fromMs = monotonicMs();
    const source = await ams.host.pilot(program("source"), { address, port, seconds: SECONDS });
    const { code, stderr } = await source.ended;
    if (code !== 0) throw new Error(`the stream broke off: ${stderr.trim()}`);
    const { notes } = await meter.report();
    return steadyRateMBps(notes, fromMs, fromMs + SECONDS * 1_000);
  } finally {
    await meter.stop();
    sink.close();
  }
}
