import type { Host } from "../../host/host.ts";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** Whether two hosts' CLOCK_MONOTONIC is the same clock, which it is under one and the same running kernel only. */
export async function shareClock(one: Pick<Host, "readFile">, other: Pick<Host, "readFile">): Promise<boolean> {
  const [mine, theirs] = await Promise.all([one, other].map((host) => host.readFile(BOOT_ID)));
  return mine !== undefined && mine === theirs;
}
