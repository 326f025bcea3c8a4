import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { until } from "./until.ts";

/** Holds the lock under which a VM's record changes, its folder's; resolves with what lets go of it: it has when that resolves. */
export async function lockFolder(directory: string): Promise<() => Promise<void>> {
  const lock = spawn("flock", ["--no-fork", directory, "sh", "-c", "echo held; exec sleep 120"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise((resolve) => lock.stdout.once("data", resolve));
  const ended = once(lock, "exit");
  return async () => {
    lock.kill("SIGKILL");
    await ended;
  };
}

/** Resolves when a process waits for a lock (proc_locks(5)). */
export async function awaitsLock(pid: number): Promise<void> {
  await until(
    `${pid} waits for the record's lock`,
    async () => {
      const locks = (await readFile("/proc/locks", "utf8")).split("\n");
      return locks.some((line) => / -> /.test(line) && line.includes(` ${pid} `));
    },
    30_000,
    5,
  );
}
