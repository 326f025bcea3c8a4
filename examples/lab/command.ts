import { spawn } from "node:child_process";
import { TurntableError } from "../../provider/errors.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Runs a program of this machine to its end, whatever its exit status. Rejects only if it cannot be started. */
export function attempt(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program = "", ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      stdio: ["pipe", "pipe", "pipe"],
      env: options.env ?? process.env,
      cwd: options.cwd,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (thrown) => reject(notStarted(program, thrown)));
    child.on("close", (code) => resolve({ code: code ?? 128, stdout, stderr }));
    // A program that ends before it has read its input is judged by its exit status.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a program that must succeed; resolves with its standard output. Rejects with host.command-failed. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await attempt(argv, options);
  if (outcome.code === 0) return outcome.stdout;
  throw new TurntableError(
    "host.command-failed",
    `\`${argv.join(" ")}\` ended with ${outcome.code}: ${(outcome.stderr || outcome.stdout).trim()}`,
    { retry: "safe", next: "See the message above, then run `npm run lab -- up` again: it goes on where it stopped." },
  );
}

/** Gives iproute2 a list of commands, one a line; the first that fails ends it. */
export async function ipBatch(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

function notStarted(program: string, cause: Error): TurntableError {
  return new TurntableError("host.prerequisite-missing", `${program} cannot be started: ${cause.message}`, {
    retry: "never",
    next: "Run `npm run setup`, which installs what the lab needs.",
    cause,
  });
}
