import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLocal } from "../../provider/host/local.ts";
import { fenceProgram } from "../../provider/hypervisor/qemu/flight.ts";
import { lockFolder } from "../breakage/folder-lock.ts";

const PROGRAM = readFileSync(new URL("../../provider/hypervisor/qemu/pilot/verdict.py", import.meta.url), "utf8");
/** Two pages for files, and nothing else: as a disk is that others have filled. */
const FILL = `
with open(os.path.join(os.path.dirname(path), "..", "others"), "wb", buffering=0) as others:
    try:
        while True:
            others.write(bytes(4096))
    except OSError:
        pass
`;
let disk: string;
let record: string;

beforeEach(() => {
  disk = mkdtempSync(path.join(tmpdir(), "tt-v-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
  mkdirSync(`${disk}/vm`);
  record = `${disk}/vm/vm.json`;
  writeFileSync(record, JSON.stringify({ role: "incoming", epoch: 2 }));
});
afterEach(() => {
  execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

/** What a program of these lines prints, or how it fails. */
const run = (...lines: string[]): string => {
  const program = [PROGRAM, "import sys", "path = sys.argv[1]", ...lines].join("\n");
  try {
    return execFileSync("python3", ["-c", program, record], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch (thrown) {
    return String(thrown).trim().split("\n").at(-1) ?? "";
  }
};
const recorded = () => JSON.parse(readFileSync(record, "utf8"));

test("a disk that is full by then does not keep an arrival from being refused for good", () => {
  expect(run('make_room(path, "")', FILL, "print(verdict(path))")).toBe("refused");
  expect(recorded()).toEqual({ role: "refused", epoch: 2 });
});

test("nor from being committed, with a record that is longer than the one before", () => {
  const content = JSON.stringify({ role: "active", epoch: 2, more: "x".repeat(6_000) });
  const commit = `with locked(os.path.dirname(path)) as folder: write_record(path, content, folder)`;
  expect(run(`content = ${JSON.stringify(content)}`, "make_room(path, content)", FILL, commit)).toBe("");
  expect(recorded()).toMatchObject({ role: "active" });
  expect(run("print(verdict(path))")).toBe("active");
});

test("a VM is not committed to a disk on which its next writes would stop it", () => {
  expect(run("require_free(path)")).toMatch(/the disk there is full: 0 MiB are free/);
  execFileSync("mount", ["-o", "remount,size=64m", disk]);
  expect(run("require_free(path)")).toBe("");
});

test("without room made for it nothing can be recorded there, and the old record stays whole", () => {
  expect(run(FILL, "print(verdict(path))")).toMatch(/No space left on device/);
  expect(recorded()).toEqual({ role: "incoming", epoch: 2 });
});

test("a controller that asks does not wait for ever for whoever has the record locked, and changes nothing", async () => {
  const release = await lockFolder(path.dirname(record));
  const host = openLocal("there");
  try {
    const ask = () => host.pilot(fenceProgram(), { path: record, patienceSeconds: 1 }).then(({ ended }) => ended);
    expect(await ask()).toMatchObject({ code: 1, stderr: expect.stringContaining("locked by somebody else for 1 s") });
    expect(recorded()).toMatchObject({ role: "incoming" });
    await release();
    expect(await ask()).toMatchObject({ code: 0 });
    expect(recorded()).toMatchObject({ role: "refused" });
  } finally {
    await release();
    await host.close();
  }
});
