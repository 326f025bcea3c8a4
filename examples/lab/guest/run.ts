import { spawn } from "node:child_process";
import { reasonOf, TurntableError } from "../../../provider/errors.ts";

/**
 * Runs a program, without a shell, and returns what it wrote to its standard output.
 *
 * @throws TurntableError `host.command-failed` with the end of its standard error if it cannot start or fails
 */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const output: Buffer[] = [];
    let complaint = "";
    const child = spawn(program, args, { cwd: options.directory, stdio: ["pipe", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2000);
    });
    // A program that ends without reading its input says why by its exit code.
    child.stdin.on("error", () => {});
    child.on("error", (error) => reject(failed(program, reasonOf(error))));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output));
      else reject(failed(program, `${signal ?? `exit ${code}`}: ${complaint.trim()}`));
    });
    child.stdin.end(options.input ?? "");
  });
}

export interface RunOptions {
  readonly directory?: string;
  readonly input?: string | Buffer;
}

function failed(program: string, reason: string): TurntableError {
  return new TurntableError("host.command-failed", `Building the lab's guest: ${program} failed: ${reason}`, {
    retry: "safe",
    next: "Install what is missing (npm run setup does) and try again.",
  });
}
