import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { TurntableError } from "../../../provider/errors.ts";

const firstLine = z.union([z.object({ ready: z.literal(true) }), z.object({ error: z.string() })]);

/** A probe's script, running in a network namespace: lines in, lines out. */
export class LineProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #what: string;
  readonly #lines: string[] = [];
  readonly #waiting: { resolve: (line: string) => void; reject: (reason: Error) => void }[] = [];
  readonly #ended: Promise<void>;
  #complaint = "";
  #end: string | undefined;

  private constructor(namespace: string, script: string, args: readonly string[]) {
    this.#what = `Probe ${script} in namespace ${namespace}`;
    const file = path.join(import.meta.dirname, script);
    this.#child = spawn("ip", ["netns", "exec", namespace, "python3", "-B", "-u", file, ...args]);
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(line));
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#complaint = (this.#complaint + chunk.toString()).slice(-2000);
    });
    // How a write fails is said by how the process ended.
    this.#child.stdin.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => this.#finish(error.message, resolve));
      this.#child.on("close", (code, signal) => this.#finish(`it ended (${signal ?? `exit ${code}`})`, resolve));
    });
  }

  /**
   * Starts a script of this folder and waits until it says that it is ready.
   *
   * @throws TurntableError `host.command-failed` with the script's reason
   */
  static async start(namespace: string, script: string, args: readonly string[]): Promise<LineProcess> {
    const started = new LineProcess(namespace, script, args);
    const said = firstLine.parse(JSON.parse(await started.nextLine()));
    if ("ready" in said) return started;
    await started.stop();
    throw started.#failed(said.error);
  }

  send(line: string): void {
    if (this.#end === undefined) this.#child.stdin.write(`${line}\n`);
  }

  /** The next line it writes; rejects with `host.command-failed` once it has ended. */
  nextLine(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#end !== undefined) return Promise.reject(this.#failed(this.#end));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Ends it, if need be by force. Never throws; may be called again. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const force = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await this.#ended;
    clearTimeout(force);
  }

  #take(line: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#lines.push(line);
    else waiting.resolve(line);
  }

  #finish(end: string, resolve: () => void): void {
    this.#end ??= end;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failed(end));
    resolve();
  }

  #failed(reason: string): TurntableError {
    const detail = this.#complaint.trim();
    return new TurntableError("host.command-failed", `${this.#what}: ${reason}${detail === "" ? "" : `: ${detail}`}`, {
      retry: "safe",
      next: "See that the lab is up (npm run lab -- status) and try again.",
    });
  }
}
