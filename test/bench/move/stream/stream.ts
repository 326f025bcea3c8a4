import { readFileSync } from "node:fs";
import { z } from "zod";
import { watchBytes } from "../../../../examples/lab/probe/bytes.ts";
import { monotonicMs } from "../../../../examples/lab/probe/report.ts";
import type { LitPath } from "../path.ts";
import { steadyRateMBps } from "../rate.ts";

const SECONDS = 10;

const program = (name: string): string => readFileSync(new URL(`${name}.py`, import.meta.url), "utf8");
const listening = z.object({ port: z.int() });

/** Unix sockets into which a stream goes at ams and out of which it comes at san, where something carries it between them. */
export interface Sockets {
  readonly ams: string;
  readonly san: string;
}

/**
 * What one stream carries over the path from ams, in 10^6 bytes a second, measured as a copy is: a TCP stream from end
 * to end, or one through what stands between two sockets.
 */
export async function measureStream({ ams, san }: LitPath, namespace: string, between?: Sockets): Promise<number> {
  const { address } = san;
  const sink = await san.host.pilot(program("sink"), between ? { socket: between.san } : { address });
  const meter = await watchBytes(namespace, "lp");
  try {
    const words = sink.messages[Symbol.asyncIterator]();
    const { port } = listening.parse((await words.next()).value);
    const fromMs = monotonicMs();
    const to = between ? { socket: between.ams } : { address, port };
    const source = await ams.host.pilot(program("source"), { ...to, seconds: SECONDS });
    const { code, stderr } = await source.ended;
    if (code !== 0) throw new Error(`the stream broke off: ${stderr.trim()}`);
    const { notes } = await meter.report();
    return steadyRateMBps(notes, fromMs, fromMs + SECONDS * 1_000);
  } finally {
    await meter.stop();
    sink.close();
  }
}
