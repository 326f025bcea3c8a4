import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { Logger } from "pino";
import { expect, test } from "vitest";
import { agentLog } from "../../provider/domain/log.ts";
import { openLog } from "../../provider/log.ts";

function careless(log: Logger): void {
  const names = ["token", "assertion", "grant", "jwt", "consents", "authorization", "key"];
  for (const name of names) {
    log.info({ [name]: "s3cret" }, "at the top");
    log.warn({ request: { [name]: "s3cret", vm: "radar" } }, "one level below");
  }
}

test("an agent's log shows no secret that a careless call hands to it", () => {
  let text = "";
  const destination = new Writable({
    write: (chunk, _, done) => {
      text += String(chunk);
      done();
    },
  });
  careless(agentLog("ams.example", destination));
  expect(text).toContain('"token":"[Redacted]"');
  expect(text).toContain("radar");
  expect(text).not.toContain("s3cret");
});

test("nor does the controller's, whose file is nobody else's", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tt-log-"));
  try {
    const file = join(folder, "log");
    careless(openLog(file));
    const text = await readFile(file, "utf8");
    expect(text).toContain("radar");
    expect(text).not.toContain("s3cret");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
});
