import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { correlated } from "../../provider/correlation.ts";
import { logged, openLog } from "../../provider/log.ts";

test("what is told is logged with its move, secrets are blotted out, and only the owner may read it", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "tt-log-"));
  try {
    const file = path.join(folder, "turntable.log");
    const told: string[] = [];
    const say = (line: string) => void told.push(line);
    const log = openLog(file);
    const narrator = logged({ info: say, warn: say, progress: say }, log);
    const move = randomUUID();
    correlated(move, () => narrator.info("web ams → san [1/6] hold"));
    narrator.warn("something else");
    log.info({ token: "s3cret-1", grant: { jwt: "s3cret-2" }, caller: { key: "s3cret-3" } }, "careless");
    const text = await readFile(file, "utf8");
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(told).toEqual(["web ams → san [1/6] hold", "something else"]);
    expect(lines.map((line) => line.move)).toEqual([move, undefined, undefined]);
    expect(text).not.toContain("s3cret");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
