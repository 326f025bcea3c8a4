import { z } from "zod";
import { TurntableError } from "../errors.ts";
import { within } from "./deadline.ts";
import type { CommandOptions, CommandResult, Host } from "./host.ts";
import { pilotOver } from "./pilot.ts";
import { type Runner, RunnerRefusal, type RunnerRequest, runnerOver } from "./runner.ts";
import type { Channel, Transport } from "./transport.ts";

const runResult = z.strictObject({
  code: z.int(),
  stdout: z.string(),
  stderr: z.string(),
  timedOut: z.boolean(),
});
const DEFAULT_TIMEOUT_MS = 30_000;
const GOODBYE_MS = 2_000;
const OPEN_TIMEOUT_MS = 20_000;
/** For what is asked of files; a command has its own limit, and the host a while to say that it was reached. */
const FILE_TIMEOUT_MS = 120_000;
const GRACE_MS = 15_000;

function commandFailed(message: string): TurntableError {
  return new TurntableError("host.command-failed", message, {
    retry: "safe",
    next: "Look at the reason given, put it right at the host, then run pulumi up again",
  });
}

function shown(argv: readonly string[]): string {
  return `"${argv.join(" ").slice(0, 200)}"`;
}

/** A `Host` over any way to start a program there: one persistent runner, and a channel of its own for each pilot. */
export function hostOver(transport: Transport): Host {
  const { name } = transport;
  let current: Promise<Runner> | undefined;
  let closed = false;

  async function runner(): Promise<Runner> {
    if (closed) throw closedError();
    if (current) return current;
    const opening = open().then((channel) => runnerOver(name, channel));
    current = opening;
    const forget = () => {
      if (current === opening) current = undefined;
    };
    opening.then((opened) => opened.ended.then(forget), forget);
    return opening;
  }

  /** A host that accepts the connection but starts nothing must not keep anybody waiting. */
  async function open(): Promise<Channel> {
    const opening = transport.open();
    try {
      return await within(OPEN_TIMEOUT_MS, opening, () => silent("the start of a program", OPEN_TIMEOUT_MS));
    } catch (thrown) {
      opening.then(
        (late) => late.input.end(),
        () => undefined,
      );
      throw thrown;
    }
  }

  function silent(what: string, ms: number): TurntableError {
    return new TurntableError("host.unreachable", `${name} has not answered ${what} for ${ms / 1_000} s`, {
      retry: "unsafe",
      next: "Look at its load and its network: what was asked of it may still happen. Then run pulumi up again",
    });
  }

  function closedError(): TurntableError {
    return new TurntableError("host.unreachable", `The connection to ${name} was closed by this program`, {
      retry: "safe",
      next: "Report this as a fault of the program",
    });
  }

  async function ask<T>(request: RunnerRequest, what: string, schema: z.ZodType<T>): Promise<T> {
    const limitMs = request.do === "run" ? request.timeoutMs + GRACE_MS : FILE_TIMEOUT_MS;
    try {
      const answer = await within(limitMs, (await runner()).ask(request), () => silent(what, limitMs));
      const parsed = schema.safeParse(answer);
      if (parsed.success) return parsed.data;
      throw commandFailed(`${what} was answered with nonsense by ${name}`);
    } catch (thrown) {
      if (thrown instanceof RunnerRefusal) throw commandFailed(`${what} failed at ${name}: ${thrown.message}`);
      throw thrown;
    }
  }

  async function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { input = "", timeoutMs = DEFAULT_TIMEOUT_MS, allowFailure = false } = options;
    const result = await ask({ do: "run", argv, input, timeoutMs }, shown(argv), runResult);
    const { timedOut, ...command } = result;
    const said = command.stderr.trim().slice(-1_000);
    if (timedOut) {
      throw commandFailed(`${shown(argv)} at ${name} was killed: it took longer than ${timeoutMs} ms. ${said}`);
    }
    if (command.code !== 0 && !allowFailure) {
      throw commandFailed(`${shown(argv)} at ${name} ended with ${command.code}: ${said}`);
    }
    return command;
  }

  return {
    name,
    run,
    launch: (argv, { logFile }) => ask({ do: "launch", argv, logFile }, `Start of ${shown(argv)}`, z.int()),
    readFile: async (path) => (await ask({ do: "read", path }, `Reading ${path}`, z.string().nullable())) ?? undefined,
    writeFile: async (path, content, mode = 0o600) => {
      await ask({ do: "write", path, content, mode }, `Writing ${path}`, z.null());
    },
    remove: async (path) => {
      await ask({ do: "remove", path }, `Removing ${path}`, z.null());
    },
    list: (path) => ask({ do: "list", path }, `Listing ${path}`, z.array(z.string())),
    connect: async (socketPath) => {
      if (closed) throw closedError();
      try {
        const what = `the connection to ${socketPath}`;
        return await within(OPEN_TIMEOUT_MS, transport.connect(socketPath), () => silent(what, OPEN_TIMEOUT_MS));
      } catch (thrown) {
        if (thrown instanceof TurntableError) throw thrown;
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        throw commandFailed(`Connecting to the socket ${socketPath} failed at ${name}: ${reason}`);
      }
    },
    pilot: async (source, parameters) => {
      if (closed) throw closedError();
      return pilotOver(name, await open(), source, parameters);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      const open = await current?.catch(() => undefined);
      open?.close();
      // The runner needs a moment to kill what it started; a dead connection gets no more than that.
      if (open) await Promise.race([open.ended, new Promise((done) => setTimeout(done, GOODBYE_MS).unref())]);
      await transport.close();
    },
  };
}
