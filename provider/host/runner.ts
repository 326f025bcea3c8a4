import { readFileSync } from "node:fs";
import { z } from "zod";
import { TurntableError } from "../errors.ts";
import { programInput } from "./bootstrap.ts";
import { jsonLine, readJsonLines } from "./json-lines.ts";
import { PULSE } from "./pulse.ts";
import { tailOf } from "./tail.ts";
import { type Channel, LOST } from "./transport.ts";

const SOURCE = readFileSync(new URL("./runner.py", import.meta.url), "utf8");

const replySchema = z.union([
  z.strictObject({ id: z.int(), error: z.string() }),
  z.strictObject({ id: z.int(), result: z.unknown() }),
]);

/** A request for `runner.py`, without its number. */
export type RunnerRequest =
  | { do: "run"; argv: readonly string[]; input: string; timeoutMs: number }
  | { do: "launch"; argv: readonly string[]; logFile: string }
  | { do: "read" | "remove" | "list"; path: string }
  | { do: "write"; path: string; content: string; mode: number };

/** The host did it not, and said why. */
export class RunnerRefusal extends Error {}

/** A connection's running `runner.py`. */
export interface Runner {
  /** Resolves with the raw result. Rejects with RunnerRefusal, or with host.unreachable when the connection ends first. */
  ask(request: RunnerRequest): Promise<unknown>;
  readonly ended: Promise<void>;
  close(): void;
}

function endedEarly(hostName: string, code: number, stderr: string): TurntableError {
  const said = stderr.trim() === "" ? "" : `: ${stderr.trim().slice(-500)}`;
  if (code === 127) {
    return new TurntableError("host.prerequisite-missing", `${hostName} has no python3${said}`, {
      retry: "safe",
      next: "Install Python 3.9 or later there, then run pulumi up again",
    });
  }
  return new TurntableError("host.unreachable", `The connection to ${hostName} ended while it was in use${said}`, {
    retry: "unsafe",
    next: "Commands in progress there were killed; check that the host is up, then run pulumi up again",
  });
}

export function runnerOver(hostName: string, channel: Channel): Runner {
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let over: TurntableError | undefined;
  const settle = (message: unknown) => {
    // Lines of a chatty login shell come before the program's; they are no replies.
    const parsed = replySchema.safeParse(message);
    if (!parsed.success) return;
    const reply = parsed.data;
    const asked = pending.get(reply.id);
    pending.delete(reply.id);
    if ("error" in reply) asked?.reject(new RunnerRefusal(reply.error));
    else asked?.resolve(reply.result);
  };
  const silenced = Promise.withResolvers<number>();
  const endless = () => silenced.resolve(LOST);
  readJsonLines(channel.output, { message: settle, garbage: () => undefined, endless });
  const stderr = tailOf(channel.errors);
  channel.input.on("error", () => undefined);
  channel.input.write(programInput(SOURCE, { silenceMs: PULSE.silenceMs }));
  const beating = setInterval(() => channel.input.write("\n"), PULSE.beatMs).unref();
  const ended = Promise.race([channel.ended, silenced.promise]).then((code) => {
    clearInterval(beating);
    over = endedEarly(hostName, code, stderr());
    for (const asked of pending.values()) asked.reject(over);
    pending.clear();
  });
  return {
    ask: (request) => {
      if (over) return Promise.reject(over);
      lastId += 1;
      const asked = Promise.withResolvers<unknown>();
      pending.set(lastId, asked);
      channel.input.write(jsonLine({ id: lastId, ...request }));
      return asked.promise;
    },
    ended,
    close: () => {
      clearInterval(beating);
      channel.input.end();
    },
  };
}
