import { readFile } from "node:fs/promises";

/** Where something is mounted, as this process sees it, in the order of mounting. */
export async function mountPoints(): Promise<readonly string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).trim().split("\n");
  return lines.map((line) => line.split(" ")[4] ?? "");
}
