import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "../hypervisor.ts";

const END_TIMEOUT_MS = 5_000;
const POLL_MS = 50;

/**
 * The process that a pid file of this place names, if it lives. A recycled pid must not cost a stranger its life:
 * the command line tells whose process it is.
 */
export async function livingPid(place: Place, pidFile: string): Promise<string | undefined> {
  const pid = (await place.host.readFile(pidFile))?.trim();
  if (!pid || !/^\d+$/.test(pid)) return undefined;
  const { stdout, code } = await place.host.run(["cat", `/proc/${pid}/cmdline`], { allowFailure: true });
  return code === 0 && stdout.includes(place.directory) ? pid : undefined;
}

/** Ends the process that a pid file names, with force after 5 s or at once, and removes the file. */
export async function endProcess(place: Place, pidFile: string, signal: "TERM" | "KILL" = "TERM"): Promise<void> {
  const pid = await livingPid(place, pidFile);
  if (pid && !(await ends(place, pidFile, pid, signal))) await ends(place, pidFile, pid, "KILL");
  await place.host.remove(pidFile);
}

async function ends(place: Place, pidFile: string, pid: string, signal: "TERM" | "KILL"): Promise<boolean> {
  await place.host.run(["kill", `-${signal}`, pid], { allowFailure: true });
  for (const deadline = Date.now() + END_TIMEOUT_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    if ((await livingPid(place, pidFile)) !== pid) return true;
  }
  return false;
}
