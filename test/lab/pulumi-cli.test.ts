import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";

afterEach(() => vi.unstubAllEnvs());

test("a passphrase of the user's shell does not reach the lab's CLI, all else does", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "tt-cli-"));
  try {
    await writeFile(path.join(folder, "pulumi"), "#!/bin/sh\nenv\n");
    await chmod(path.join(folder, "pulumi"), 0o755);
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "the user's own");
    vi.stubEnv("ELSE", "kept");
    const own = { PATH: `${folder}:${process.env.PATH}`, PULUMI_CONFIG_PASSPHRASE_FILE: "/lab/passphrase" };
    const seen = await new PulumiCli(folder, own, false).run("up");
    expect(seen).not.toContain("the user's own");
    expect(seen).toContain("PULUMI_CONFIG_PASSPHRASE_FILE=/lab/passphrase\n");
    expect(seen).toContain("ELSE=kept\n");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
