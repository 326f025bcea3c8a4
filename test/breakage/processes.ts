import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { until } from "./until.ts";

const run = promisify(execFile);

/** One that has ended already needs no signal. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH")) throw thrown;
  }
}

/** It stands still, in all its threads, when this resolves: until it does it may still take a lock that is let go of. */
export async function halt(pid: number): Promise<void> {
  signal(pid, "SIGSTOP");
  await until(`${pid} stands still`, async () => /^State:\t[TZ]/m.test(await readFile(`/proc/${pid}/status`, "utf8")));
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** A process's command line, its words parted by blanks; empty if it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** Whether it is one of the programs that a controller sends to a host: pilots, helpers, what serves its commands. */
export const isSentProgram = (pid: number): boolean => /^(\S*\/)?python3 -I -S /.test(commandOf(pid));

export function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return undefined;
  }
}

/** Everybody in a network namespace. */
export async function processesIn(namespace: string): Promise<readonly number[]> {
  const { stdout } = await run("ip", ["netns", "pids", namespace]);
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** The process in a namespace that is connected to one of QEMU's monitors; undefined if nobody is. */
export async function holderOf(namespace: string, socket: string): Promise<number | undefined> {
  const query = ["netns", "exec", namespace, "ss", "-xpnH", "state", "established"];
  const { stdout } = await run("ip", query);
  const rows = stdout.split("\n").map((row) => row.trim().split(/\s+/));
  const peer = rows.find((row) => row.includes(socket))?.at(-2);
  const owners = rows.find((row) => row.at(-4) === peer || row.at(-5) === peer)?.at(-1) ?? "";
  const pid = Number(/pid=(\d+)/.exec(owners)?.[1]);
  return pid > 1 ? pid : undefined;
}
