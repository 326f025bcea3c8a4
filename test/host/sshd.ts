import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostRecord } from "../../provider/host/record.ts";

/** A fresh ed25519 key pair: the private key's text and the public key as "<type> <base64>". */
export interface KeyPair {
  readonly file: string;
  readonly privateKey: string;
  readonly publicKey: string;
}

export function makeKey(folder: string, name: string): KeyPair {
  const file = join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  const publicKey = readFileSync(`${file}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ");
  return { file, privateKey: readFileSync(file, "utf8"), publicKey };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const yes = await once(socket, "data").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return yes;
}

/** Processes whose parent is `pid`. */
/** One that ends by itself meanwhile is fine. */
function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH")) throw thrown;
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** A real OpenSSH server on a loopback port, with its own key, configuration and folder. */
export class Sshd {
  readonly folder = mkdtempSync(join(tmpdir(), "tt-sshd-"));
  readonly client = makeKey(this.folder, "client");
  readonly hostKey: KeyPair;
  readonly port: number;
  readonly #settings: Readonly<Record<string, string>>;
  #daemon: ChildProcess | undefined;

  /** `settings`: more lines of its configuration. */
  constructor(port: number, settings: Readonly<Record<string, string>> = {}) {
    this.port = port;
    this.#settings = settings;
    this.hostKey = makeKey(this.folder, "host");
    writeFileSync(join(this.folder, "authorized_keys"), `${this.client.publicKey}\n`);
  }

  record(change: Partial<HostRecord> = {}): HostRecord {
    return {
      name: "san",
      address: "127.0.0.1",
      port: this.port,
      user: "root",
      hostKey: this.hostKey.publicKey,
      storage: this.folder,
      ...change,
    };
  }

  async start(): Promise<void> {
    const config = join(this.folder, "sshd_config");
    writeFileSync(
      config,
      [
        `Port ${this.port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${this.hostKey.file}`,
        `AuthorizedKeysFile ${join(this.folder, "authorized_keys")}`,
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        // A developer's .bashrc has no part in the tests.
        "SetEnv SHLVL=1",
        "PermitRootLogin prohibit-password",
        ...Object.entries(this.#settings).map(([key, value]) => `${key} ${value}`),
        "",
      ].join("\n"),
    );
    // A mount namespace of its own gives sshd its /run/sshd without touching the machine's.
    const script = 'mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd "$@"';
    const daemon = spawn("unshare", ["-m", "sh", "-c", script, "sshd", "-D", "-e", "-f", config], { stdio: "ignore" });
    this.#daemon = daemon;
    for (let tries = 0; tries < 100; tries += 1) {
      if (await answers(this.port)) return;
      await sleep(50);
    }
    throw new Error("sshd did not start");
  }

  /** Cuts every connection by killing the processes that serve them. */
  cut(): void {
    const pid = this.#daemon?.pid;
    if (pid === undefined) throw new Error("sshd does not run");
    for (const child of childrenOf(pid)) killIfAlive(child);
  }

  /** Stops listening. Connections that are open live on. */
  async halt(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null) return;
    daemon.kill("SIGTERM");
    await once(daemon, "exit");
  }

  async stop(): Promise<void> {
    if (this.#daemon) this.cut();
    await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
