import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../provider/errors.ts";
import { writeAtomically } from "./files.ts";
import type { Lab } from "./layout.ts";

/** A process that outlives `lab up`, remembered as `run/<name>.json`, its output in `log/<name>.log`. */
export interface Daemon {
  readonly name: string;
  readonly argv: readonly string[];
  /** Where it runs; the machine's own namespace if absent. */
  readonly namespace?: string;
  /** Where it ends up if it moves itself after its start; else where it runs. */
  readonly settlesIn?: string;
  /** Whatever it reads at its start: if that changes, it is started again. */
  readonly inputs: string;
}

const processRecord = z.strictObject({
  pid: z.int(),
  /** Clock ticks since boot: with the boot's id, tells a process from a later one of the same number. */
  startTicks: z.string(),
  bootId: z.string(),
  fingerprint: z.string(),
});
type ProcessRecord = z.output<typeof processRecord>;

const START_TIMEOUT_MS = 30_000;

/** Undefined if it runs, where it should and with its present inputs; else what is wrong. */
export async function inspectDaemon(lab: Lab, daemon: Daemon): Promise<string | undefined> {
  const record = await readRecord(lab, daemon.name);
  if (record === undefined) return "not started";
  if (!isAlive(record)) return "not running";
  if (record.fingerprint !== fingerprintOf(daemon)) return "runs with an older configuration";
  const home = daemon.settlesIn ?? daemon.namespace;
  if (home !== undefined && !isIn(record.pid, home)) return `not in namespace ${home}`;
  return undefined;
}

/**
 * Starts a daemon, in place of its predecessor if there is one, and waits until `isReady`.
 * Rejects with host.command-failed, and the end of its log, if it ends or is not ready in 30 s.
 */
export async function startDaemon(lab: Lab, daemon: Daemon, isReady: () => Promise<boolean>): Promise<void> {
  await stopDaemon(lab, daemon.name);
  const logFile = lab.path("log", `${daemon.name}.log`);
  const log = openSync(logFile, "w", 0o600);
  const [program = "", ...rest] = inNamespace(daemon);
  const child = spawn(program, rest, { detached: true, stdio: ["ignore", log, log], cwd: "/" });
  closeSync(log);
  let end: string | undefined;
  child.on("error", (thrown) => {
    end = thrown.message;
  });
  child.on("exit", (code, signal) => {
    end = `it ended with ${signal ?? code}`;
  });
  child.unref();
  if (child.pid !== undefined) await remember(lab, daemon, child.pid);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isReady())) {
    if (end === undefined && Date.now() > deadline) end = `it was not ready within ${START_TIMEOUT_MS / 1000} s`;
    if (end !== undefined) throw await notStarted(daemon.name, logFile, end);
    await sleep(30);
  }
}

/** Ends a daemon that this lab started; fine if there is none. */
export async function stopDaemon(lab: Lab, name: string): Promise<void> {
  const record = await readRecord(lab, name);
  if (record !== undefined && isAlive(record)) await endProcesses(() => (isAlive(record) ? [record.pid] : []));
  await rm(recordFile(lab, name), { force: true });
}

/** Names of the daemons that the lab remembers to have started. */
export async function rememberedDaemons(lab: Lab): Promise<readonly string[]> {
  const names = await readdir(lab.path("run")).catch(() => []);
  return names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
}

/** Asks the processes that `find` finds to end, then, after 4 s, makes them; resolves when `find` finds none. */
export async function endProcesses(find: () => readonly number[] | Promise<readonly number[]>): Promise<void> {
  for (let round = 0; ; round++) {
    const pids = await find();
    if (pids.length === 0) return;
    const signal = round === 0 ? "SIGTERM" : round >= 100 ? "SIGKILL" : undefined;
    if (signal !== undefined) for (const pid of pids) sendSignal(pid, signal);
    await sleep(40);
  }
}

function sendSignal(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone in the meantime, which is what was wanted.
  }
}

function inNamespace(daemon: Daemon): readonly string[] {
  return daemon.namespace === undefined ? daemon.argv : ["ip", "netns", "exec", daemon.namespace, ...daemon.argv];
}

function isIn(pid: number, namespace: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === `net:[${statSync(`/run/netns/${namespace}`).ino}]`;
  } catch {
    return false;
  }
}

function isAlive(record: ProcessRecord): boolean {
  return record.bootId === bootId() && startTicksOf(record.pid) === record.startTicks;
}

/** Undefined if there is no such process, or only its remains (a zombie). */
function startTicksOf(pid: number): string | undefined {
  try {
    // The name in parentheses may hold spaces and parentheses itself: fields count from the last one.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function fingerprintOf(daemon: Daemon): string {
  return createHash("sha256")
    .update(JSON.stringify([inNamespace(daemon), daemon.inputs]))
    .digest("hex");
}

function recordFile(lab: Lab, name: string): string {
  return lab.path("run", `${name}.json`);
}

async function remember(lab: Lab, daemon: Daemon, pid: number): Promise<void> {
  const startTicks = startTicksOf(pid);
  if (startTicks === undefined) return;
  const record: ProcessRecord = { pid, startTicks, bootId: bootId(), fingerprint: fingerprintOf(daemon) };
  await writeAtomically(recordFile(lab, daemon.name), JSON.stringify(record));
}

async function readRecord(lab: Lab, name: string): Promise<ProcessRecord | undefined> {
  const text = await readFile(recordFile(lab, name), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  return processRecord.parse(JSON.parse(text));
}

async function notStarted(name: string, logFile: string, why: string): Promise<TurntableError> {
  const log = await readFile(logFile, "utf8").catch(() => "");
  const tail = log.trim().split("\n").slice(-8).join("\n");
  return new TurntableError(
    "host.command-failed",
    `${name} did not start: ${why}.${tail && ` Its log ends:\n${tail}\n`}`,
    {
      retry: "safe",
      next: `See ${logFile}, then run \`npm run lab -- up\` again.`,
    },
  );
}
