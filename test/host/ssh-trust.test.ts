import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Host } from "../../provider/host/host.ts";
import { connectSsh, hostKeyFingerprint } from "../../provider/host/ssh.ts";
import { freePort, Sshd } from "./sshd.ts";

const sshd = new Sshd(await freePort());
const stranger = new Sshd(await freePort());
const open: Host[] = [];
const connect = async (...parameters: Parameters<typeof connectSsh>) => {
  const host = await connectSsh(...parameters);
  open.push(host);
  return host;
};

beforeAll(() => Promise.all([sshd.start(), stranger.start()]));
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.splice(0).map((host) => host.close()));
});
afterAll(() => Promise.all([sshd.stop(), stranger.stop()]));

describe("an ssh host", () => {
  test("fingerprints as ssh-keygen does", () => {
    const line = execFileSync("ssh-keygen", ["-lf", `${sshd.hostKey.file}.pub`], { encoding: "utf8" });
    expect(hostKeyFingerprint(sshd.hostKey.publicKey)).toBe(line.split(" ")[1]);
  });

  test("with another key than the pinned one is refused, with both fingerprints", async () => {
    const record = stranger.record({ hostKey: sshd.hostKey.publicKey });
    const call = connect(record, { privateKey: stranger.client.privateKey });
    await expect(call).rejects.toMatchObject({ code: "host.key-mismatch", retry: "never" });
    await expect(call).rejects.toThrow(
      `expected ${hostKeyFingerprint(sshd.hostKey.publicKey)}, got ${hostKeyFingerprint(stranger.hostKey.publicKey)}`,
    );
  });

  test("with a key of another kind is a mismatch too", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tt-key-"));
    execFileSync("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", join(folder, "rsa")]);
    const rsa = execFileSync("cat", [join(folder, "rsa.pub")], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    const hostKey = rsa.split(" ").slice(0, 2).join(" ");
    const call = connect(sshd.record({ hostKey }), { privateKey: sshd.client.privateKey });
    await expect(call).rejects.toMatchObject({ code: "host.key-mismatch" });
  });

  test("replaced by another behind the same address while in use is refused, and stays refused", async () => {
    const port = await freePort();
    const honest = new Sshd(port);
    const thief = new Sshd(port);
    try {
      await honest.start();
      const host = await connect(honest.record(), { privateKey: honest.client.privateKey });
      expect((await host.run(["echo", "1"])).stdout).toBe("1\n");
      honest.cut();
      await honest.halt();
      await thief.start();
      await expect(
        vi.waitUntil(() => host.run(["true"]).then(() => undefined, caught), { timeout: 20_000 }),
      ).resolves.toMatchObject({ code: "host.key-mismatch" });
      await thief.halt();
      await honest.start();
      await expect(host.run(["true"])).rejects.toMatchObject({ code: "host.key-mismatch" });
    } finally {
      await thief.stop();
      await honest.stop();
    }
  });

  test("that nobody listens at is unreachable, by name", async () => {
    const call = connect(sshd.record({ port: await freePort() }), { privateKey: sshd.client.privateKey });
    await expect(call).rejects.toMatchObject({ code: "host.unreachable", retry: "safe" });
    await expect(call).rejects.toThrow(/san \(127\.0\.0\.1:\d+\)/);
  });

  test("that hangs up before it spoke is unreachable", async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    try {
      await vi.waitUntil(() => server.listening, { timeout: 20_000 });
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const call = connect(sshd.record({ port: address.port }), { privateKey: sshd.client.privateKey });
      await expect(call).rejects.toMatchObject({ code: "host.unreachable" });
    } finally {
      server.close();
    }
  });

  test("that does not know the caller's key says so, and no key leaks", async () => {
    const call = connect(sshd.record(), { privateKey: stranger.client.privateKey });
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "host.unreachable", retry: "never" });
    expect(String(error)).toMatch(/refused the ssh key of root/);
    expect(String(error)).not.toMatch(/PRIVATE/);
  });

  test("is not tried without a key, or with one that is none", async () => {
    vi.stubEnv("SSH_AUTH_SOCK", "");
    await expect(connect(sshd.record(), { privateKey: undefined })).rejects.toMatchObject({
      code: "credentials.missing",
    });
    await expect(connect(sshd.record(), { privateKey: "s3cret" })).rejects.toMatchObject({
      code: "credentials.missing",
    });
    await expect(connect(sshd.record(), { privateKey: "s3cret" })).rejects.not.toThrow(/s3cret/);
  });

  test("takes the key of an agent", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tt-agent-"));
    const socket = join(folder, "agent");
    const said = execFileSync("ssh-agent", ["-s", "-a", socket], { encoding: "utf8" });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
    try {
      execFileSync("ssh-add", ["-q", sshd.client.file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      vi.stubEnv("SSH_AUTH_SOCK", socket);
      const host = await connect(sshd.record(), { privateKey: undefined });
      expect((await host.run(["echo", "hi"])).stdout).toBe("hi\n");
    } finally {
      process.kill(pid);
      rmSync(folder, { recursive: true });
    }
    expect(existsSync(folder)).toBe(false);
  });

  test("shows no argument in the command line of its runner", async () => {
    const host = await connect(sshd.record(), { privateKey: sshd.client.privateKey });
    const pilot = await host.pilot("import sys, json; print(json.dumps(open('/proc/self/cmdline').read()))", {
      key: "s3cret",
    });
    const { value } = await pilot.messages[Symbol.asyncIterator]().next();
    expect(value).toMatch(/python3\0-I\0/);
    expect(value).not.toMatch(/s3cret/);
  });
});

function caught(thrown: unknown): unknown {
  return thrown;
}
