import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Place } from "../../provider/hypervisor/hypervisor.ts";
import type { TwoHosts } from "./two-hosts.ts";

const run = promisify(execFile);
const PATIENCE_MS = 30_000;
/** The lab guest's address. */
export const GUEST = "10.1.1.2";

export type Side = "here" | "there";
export type Way = "lightpath" | "routed";
const DEVICES: Record<Way, string> = { lightpath: "lp0", routed: "rt0" };

/** What can be broken of two hosts between which a VM moves, and what can be seen of them without asking the product. */
export class Breakage {
  readonly #hosts: TwoHosts;
  readonly #namespaces: Record<Side, string>;
  readonly #stopped = new Set<number>();
  readonly #locks = new Set<ChildProcess>();

  constructor(tag: string, hosts: TwoHosts) {
    this.#hosts = hosts;
    this.#namespaces = { here: `tq-${tag}-a`, there: `tq-${tag}-b` };
  }

  place(side: Side): Place {
    return this.#hosts[side];
  }

  async inside(side: Side, ...argv: string[]): Promise<string> {
    const { stdout } = await run("ip", ["netns", "exec", this.#namespaces[side], ...argv]);
    return stdout;
  }

  /** From now on nothing comes out of these ways at the other side, and nothing goes in. */
  async cut(...ways: Way[]): Promise<void> {
    const names = ways.map((way) => `"${DEVICES[way]}"`).join(", ");
    await this.#filter([`iifname { ${names} } drop`], [`oifname { ${names} } drop`]);
  }

  /** From now on every datagram that the other side sends is lost: echoes and answers. */
  async mute(): Promise<void> {
    await this.#filter([], ["meta l4proto udp drop"]);
  }

  async #filter(input: readonly string[], output: readonly string[]): Promise<void> {
    const chain = (hook: string, rules: readonly string[]) =>
      `chain ${hook} { type filter hook ${hook} priority 0; ${rules.map((rule) => `${rule};`).join(" ")} };`;
    await this.inside("there", "nft", `table inet broken { ${chain("input", input)} ${chain("output", output)} }`);
  }

  /** Ways pass again. */
  async reopen(): Promise<void> {
    await this.inside("there", "nft", "delete table inet broken").catch(() => undefined);
  }

  /** Ways pass again, locks are free, who stood still goes on. */
  async mend(): Promise<void> {
    await this.reopen();
    for (const lock of this.#locks) lock.kill("SIGKILL");
    for (const pid of this.#stopped) this.#signal(pid, "SIGCONT");
    this.#locks.clear();
    this.#stopped.clear();
  }

  /** The process that holds one of QEMU's monitors, as QEMU's peer. */
  async holder(side: Side, monitor: "pilot" | "guardian"): Promise<number> {
    const sockets = await this.inside(side, "ss", "-xpnH", "state", "established");
    const rows = sockets.split("\n").map((row) => row.trim().split(/\s+/));
    const socket = `${this.place(side).directory}/qmp-${monitor}.sock`;
    const peer = rows.find((row) => row.includes(socket))?.at(-2);
    const owners = rows.find((row) => row.at(-4) === peer || row.at(-5) === peer)?.at(-1) ?? "";
    const pid = Number(/pid=(\d+)/.exec(owners)?.[1]);
    if (pid > 1) return pid;
    throw new Error(`nobody holds ${socket}`);
  }

  kill(pid: number): void {
    this.#signal(pid, "SIGKILL");
  }

  /** It stands still, in all its threads, until mended. */
  async stop(pid: number): Promise<void> {
    this.#signal(pid, "SIGSTOP");
    this.#stopped.add(pid);
    // Until it does it may still take a lock that is let go of.
    await until(`${pid} stands still`, async () => /^State:\tT/m.test(await readFile(`/proc/${pid}/status`, "utf8")));
  }

  continue(pid: number): void {
    this.#signal(pid, "SIGCONT");
    this.#stopped.delete(pid);
  }

  async pidIn(side: Side, pidFile: string): Promise<number> {
    const pid = Number(await readFile(`${this.place(side).directory}/${pidFile}`, "utf8"));
    if (pid > 1) return pid;
    throw new Error(`${pidFile} names nobody`);
  }

  /** Holds the lock under which the destination commits; resolves with what lets go of it. */
  async lockRecord(): Promise<() => void> {
    const { directory } = this.place("there");
    const lock = spawn("flock", ["--no-fork", directory, "sh", "-c", "echo held; exec sleep 120"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#locks.add(lock);
    await new Promise((resolve) => lock.stdout.once("data", resolve));
    return () => {
      lock.kill("SIGKILL");
      this.#locks.delete(lock);
    };
  }

  /** The one that waits for that lock. */
  async awaitsLock(pid: number): Promise<void> {
    await until(`${pid} waits for the record's lock`, async () =>
      (await readFile("/proc/locks", "utf8"))
        .split("\n")
        .some((line) => / -> /.test(line) && line.includes(` ${pid} `)),
    );
  }

  /** Whether the guest is heard on its network at a side: it runs there, connected. */
  async answers(side: Side): Promise<boolean> {
    const ping = ["ping", "-n", "-q", "-c", "1", "-W", "0.3", GUEST];
    return await this.inside(side, ...ping).then(
      () => true,
      () => false,
    );
  }

  /** Gives a side an address on the VM's network, if it has none yet. */
  async joinNetwork(side: Side): Promise<void> {
    const { bridge } = segmentOf(this.#hosts.vm.name);
    await this.inside(side, "ip", "address", "replace", "10.1.1.1/24", "dev", bridge);
  }

  /** Whether the VM is on its network. */
  async isConnected(side: Side): Promise<boolean> {
    const { bridge, tap } = segmentOf(this.#hosts.vm.name);
    return (await this.inside(side, "ip", "-o", "link", "show", "master", bridge)).includes(tap);
  }

  /** Command lines of the processes that were started from here and are nobody's children any more, but for QEMU. */
  async orphans(side: Side): Promise<string[]> {
    const { stdout } = await run("ip", ["netns", "pids", this.#namespaces[side]]);
    const found = await Promise.all(stdout.split("\n").filter(Boolean).map(commandOfOrphan));
    return found.flatMap((command) => (command === undefined || command.startsWith("qemu-system") ? [] : [command]));
  }

  /** What the move made beside the VM's own files. */
  async left(side: Side): Promise<string[]> {
    const place = this.place(side);
    return (await place.host.list(place.directory)).filter((name) => /^near-.*\.(sock|pid)$|\.next$/.test(name));
  }

  #signal(pid: number, signal: NodeJS.Signals): void {
    try {
      process.kill(pid, signal);
    } catch (thrown) {
      // It may have ended already, which is what signals are for.
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH")) throw thrown;
    }
  }
}

async function commandOfOrphan(pid: string): Promise<string | undefined> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
  const [status, command] = await Promise.all([read("status"), read("cmdline")]);
  return /^PPid:\t1$/m.test(status) && command !== "" ? command.replaceAll("\0", " ").slice(0, 200) : undefined;
}

/** Resolves with how long it took, in ms, until something was so. */
export async function until(what: string, met: () => Promise<boolean>, patienceMs = PATIENCE_MS): Promise<number> {
  const beganAt = performance.now();
  while (!(await met())) {
    if (performance.now() - beganAt > patienceMs) throw new Error(`not within ${patienceMs} ms: ${what}`);
    await sleep(20);
  }
  return performance.now() - beganAt;
}
