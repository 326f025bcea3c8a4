import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Host } from "../../provider/host/host.ts";
import { eventually, lives } from "./processes.ts";

/** What the suite needs of an adapter. */
export interface Adapter {
  open(): Promise<Host>;
  /** Drops the connection of `host` behind its back. */
  drop(host: Host): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const NASTY = [
  "it's",
  'a "quote"',
  "$(touch /tmp/never) `id`",
  "two\nlines",
  "žluťoučký 🐎",
  "",
  "-n",
  "\\x",
  "*",
  "a  b",
];

export function describeHost(title: string, adapter: Adapter): void {
  describe(title, () => {
    let host: Host;
    let folder: string;
    const started: number[] = [];
    beforeAll(() => adapter.start());
    afterAll(() => adapter.stop());
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "tt-host-"));
      host = await adapter.open();
    });
    afterEach(async () => {
      await host.close();
      for (const pid of started.splice(0)) if (lives(pid)) process.kill(pid, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });

    /** Begins a long `run` that tells its pid in a file; resolves with that pid and the call. */
    async function sleeper() {
      const file = join(folder, "pid");
      const call = host.run(["sh", "-c", 'echo $$ > "$0.new"; mv "$0.new" "$0"; sleep 60', file], {
        timeoutMs: 70_000,
      });
      call.catch(() => undefined);
      expect(await eventually(() => existsSync(file))).toBe(true);
      const pid = Number(readFileSync(file, "utf8"));
      started.push(pid);
      return { pid, call };
    }

    test("gives output, error output and exit code", async () => {
      const result = await host.run(["sh", "-c", "cat; echo err >&2"], { input: "in žluť\n" });
      expect(result).toEqual({ code: 0, stdout: "in žluť\n", stderr: "err\n" });
      const failed = await host.run(["sh", "-c", "exit 7"], { allowFailure: true });
      expect(failed.code).toBe(7);
      const killed = await host.run(["sh", "-c", "kill -TERM $$"], { allowFailure: true });
      expect(killed.code).toBe(143);
      expect((await host.run(["/no/such"], { allowFailure: true })).code).toBe(127);
      expect((await host.run(["/etc/passwd"], { allowFailure: true })).code).toBe(126);
    });

    test("hands arguments over unchanged", async () => {
      const { stdout } = await host.run(["python3", "-c", "import json,sys;print(json.dumps(sys.argv[1:]))", ...NASTY]);
      expect(JSON.parse(stdout)).toEqual(NASTY);
    });

    test("rejects a failure with the end of its error output, without its input", async () => {
      const call = host.run(["sh", "-c", "cat >/dev/null; echo broken pump >&2; exit 3"], { input: "s3cret" });
      const error = await call.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "host.command-failed", retry: "safe" });
      expect(String(error)).toMatch(/ended with 3: broken pump/);
      expect(String(error)).not.toMatch(/s3cret/);
    });

    test("kills a command and its children after the timeout", async () => {
      const file = join(folder, "pids");
      const call = host.run(["sh", "-c", 'sleep 61 & echo $$ $! > "$0"; wait', file], { timeoutMs: 300 });
      await expect(call).rejects.toMatchObject({ code: "host.command-failed" });
      await expect(call).rejects.toThrow(/longer than 300 ms/);
      const pids = readFileSync(file, "utf8").trim().split(" ").map(Number);
      expect(pids).toHaveLength(2);
      expect(await eventually(() => !pids.some(lives))).toBe(true);
    });

    test("serves requests side by side", async () => {
      let ended = false;
      const slow = host.run(["sleep", "15"]).catch(() => undefined);
      void slow.then(() => {
        ended = true;
      });
      for (let n = 0; n < 20; n += 1) await host.run(["true"]);
      expect(ended).toBe(false);
    });

    test("carries large input and output", async () => {
      const text = "0123456789abcde\n".repeat(200_000);
      expect((await host.run(["cat"], { input: text })).stdout).toBe(text);
    });

    test("writes atomically, reads, lists and removes", async () => {
      const path = join(folder, "deep", "er", "file");
      expect(await host.readFile(path)).toBeUndefined();
      await host.writeFile(path, "first");
      await host.writeFile(path, "second žluť\n", 0o644);
      expect(await host.readFile(path)).toBe("second žluť\n");
      expect(statSync(path).mode & 0o777).toBe(0o644);
      await host.writeFile(join(folder, "deep", "secret"), "x");
      expect(statSync(join(folder, "deep", "secret")).mode & 0o777).toBe(0o600);
      expect(statSync(join(folder, "deep", "er")).mode & 0o777).toBe(0o700);
      expect(readdirSync(join(folder, "deep", "er"))).toEqual(["file"]);
      expect(await host.list(join(folder, "deep"))).toEqual(["er", "secret"]);
      expect(await host.list(join(folder, "none"))).toEqual([]);
      await host.remove(join(folder, "deep"));
      await host.remove(join(folder, "deep"));
      expect(readdirSync(folder)).toEqual([]);
    });

    test("removes all of a folder of which others remove a part meanwhile", async () => {
      const crowd = join(folder, "crowd");
      const isGone = async () => {
        await host.remove(crowd);
        return !existsSync(crowd);
      };
      for (let round = 0; round < 5; round += 1) {
        mkdirSync(crowd);
        for (let n = 0; n < 500; n += 1) writeFileSync(join(crowd, String(n)), "");
        expect(await Promise.all([isGone(), isGone()])).toEqual([true, true]);
      }
    });

    test("a failed write leaves the old content and no temporary file", async () => {
      await host.writeFile(join(folder, "taken", "inside"), "old");
      await expect(host.writeFile(join(folder, "taken"), "new")).rejects.toMatchObject({ code: "host.command-failed" });
      expect(await host.list(folder)).toEqual(["taken"]);
      expect(await host.readFile(join(folder, "taken", "inside"))).toBe("old");
    });

    test("parallel writes of one file leave one of the contents, whole", async () => {
      const path = join(folder, "contended");
      const contents = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
      await Promise.all(contents.map((content) => host.writeFile(path, content)));
      expect(contents).toContain(await host.readFile(path));
      expect(await host.list(folder)).toEqual(["contended"]);
    });

    test("says so when a file is not text", async () => {
      writeFileSync(join(folder, "binary"), Buffer.from([0xff, 0xfe]));
      await expect(host.readFile(join(folder, "binary"))).rejects.toMatchObject({ code: "host.command-failed" });
    });

    test("what run started ends with the connection, what launch started does not", async () => {
      const log = join(folder, "logs", "launched");
      const launched = await host.launch(["sh", "-c", "echo out; echo err >&2; exec sleep 62"], { logFile: log });
      started.push(launched);
      const { pid, call } = await sleeper();
      await host.close();
      await expect(call).rejects.toMatchObject({ code: "host.unreachable" });
      expect(await eventually(() => !lives(pid))).toBe(true);
      expect(lives(launched)).toBe(true);
      expect(readFileSync(log, "utf8")).toBe("out\nerr\n");
      expect(statSync(log).mode & 0o777).toBe(0o600);
    });

    test("launch suits a program that asks to die with its parent", async () => {
      const source = "import ctypes, time; ctypes.CDLL(None).prctl(1, 9); print('asked', flush=True); time.sleep(63)";
      const log = join(folder, "log");
      const pid = await host.launch(["python3", "-c", source], { logFile: log });
      started.push(pid);
      expect(await eventually(() => readFileSync(log, "utf8") === "asked\n")).toBe(true);
      await host.run(["true"]);
      await host.close();
      expect(await eventually(() => !lives(pid), 300)).toBe(false);
    });

    test("launch tells of a program that is not there", async () => {
      const call = host.launch(["/no/such"], { logFile: join(folder, "log") });
      await expect(call).rejects.toMatchObject({ code: "host.command-failed" });
    });

    test("after a dropped connection the next call works again", async () => {
      const { call } = await sleeper();
      await adapter.drop(host);
      await expect(call).rejects.toMatchObject({ code: "host.unreachable", retry: "unsafe" });
      expect((await host.run(["echo", "back"])).stdout).toBe("back\n");
    });

    test("a closed host refuses", async () => {
      await host.close();
      await expect(host.run(["true"])).rejects.toMatchObject({ code: "host.unreachable" });
      await expect(host.pilot("", {})).rejects.toMatchObject({ code: "host.unreachable" });
    });

    test("a pilot speaks both ways and its end is told", async () => {
      const source = [
        "import json, sys",
        "first = json.loads(sys.stdin.readline())",
        "print(json.dumps({'got': first}), flush=True)",
        "for line in sys.stdin:",
        "    print(json.dumps({'echo': json.loads(line)}), flush=True)",
        "print('gone žluť', file=sys.stderr)",
        "sys.exit(5)",
      ].join("\n");
      const pilot = await host.pilot(source, { key: "it's $(x)\n🐎" });
      const seen: unknown[] = [];
      for await (const message of pilot.messages) {
        seen.push(message);
        break;
      }
      pilot.send({ a: 1 });
      pilot.send({ b: "ž" });
      pilot.close();
      for await (const message of pilot.messages) seen.push(message);
      expect(seen).toEqual([{ got: { key: "it's $(x)\n🐎" } }, { echo: { a: 1 } }, { echo: { b: "ž" } }]);
      expect(await pilot.ended).toEqual({ code: 5, stdout: "", stderr: "gone žluť\n" });
    });

    test("a pilot whose messages nobody reads still runs to its end", async () => {
      const pilot = await host.pilot("for n in range(100000): print(n)", {});
      expect(await pilot.ended).toMatchObject({ code: 0 });
      let last: unknown;
      for await (const message of pilot.messages) last = message;
      expect(last).toBe(99_999);
    });

    test("a pilot that writes nonsense, or cannot be read as Python, is told", async () => {
      const babbler = await host.pilot("print('hello there')", {});
      const iterate = async () => {
        for await (const _ of babbler.messages);
      };
      await expect(iterate()).rejects.toThrow(/wrote "hello there", not JSON/);
      const broken = await host.pilot("if if", {});
      const end = await broken.ended;
      expect(end.code).toBe(1);
      expect(end.stderr).toMatch(/SyntaxError/);
    });

    test("connects to a unix socket", async () => {
      const path = join(folder, "socket");
      const server = createServer((socket) => socket.pipe(socket)).listen(path);
      await once(server, "listening");
      const socket = await host.connect(path);
      socket.write("ping");
      const [chunk] = await once(socket, "data");
      expect(String(chunk)).toBe("ping");
      socket.destroy();
      server.close();
      await expect(host.connect(join(folder, "none"))).rejects.toMatchObject({ code: "host.command-failed" });
    });
  });
}
