import { z } from "zod";
import { LineProcess } from "./line-process.ts";

/** Milliseconds on the machine's CLOCK_MONOTONIC: the clock of every `…AtMs`, in all namespaces and processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Something that watches from inside a namespace until it is stopped. */
export interface Probe<Report> {
  /**
   * What was seen between two times on {@link monotonicMs}: from the start, and until now, unless said.
   *
   * @throws TurntableError `host.command-failed` if the probe has ended
   */
  report(fromAtMs?: number, toAtMs?: number): Promise<Report>;
  /** Ends the probe's process. Never throws; may be called again. */
  stop(): Promise<void>;
}

/** A time without an event; it may begin before the range that was asked for or, if it still lasts, end with it. */
export const gap = z.object({ startAtMs: z.number(), lengthMs: z.number() });
export type Gap = z.output<typeof gap>;

/** Starts a script that answers reports (see answering.py) and checks each answer against a schema. */
export async function startProbe<Schema extends z.ZodType>(
  namespace: string,
  script: string,
  args: readonly string[],
  schema: Schema,
): Promise<Probe<z.output<Schema>>> {
  const process = await LineProcess.start(namespace, script, args);
  return {
    async report(fromAtMs, toAtMs) {
      process.send(JSON.stringify({ fromMs: fromAtMs, toMs: toAtMs }));
      return schema.parse(JSON.parse(await process.nextLine()));
    },
    stop: () => process.stop(),
  };
}
