import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Place } from "../../provider/hypervisor/hypervisor.ts";
import { awaitsLock, lockFolder } from "../breakage/folder-lock.ts";
import { commandOf, halt, holderOf, parentOf, processesIn, signal } from "../breakage/processes.ts";
import type { TwoHosts } from "./two-hosts.ts";

export { until } from "../breakage/until.ts";

const run = promisify(execFile);
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
  readonly #locks = new Set<() => Promise<void>>();

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
    for (const release of this.#locks) await release();
    for (const pid of this.#stopped) signal(pid, "SIGCONT");
    this.#locks.clear();
    this.#stopped.clear();
  }

  /** The process that holds one of QEMU's monitors, as QEMU's peer. */
  async holder(side: Side, monitor: "pilot" | "guardian"): Promise<number> {
    const socket = `${this.place(side).directory}/qmp-${monitor}.sock`;
    const pid = await holderOf(this.#namespaces[side], socket);
    if (pid !== undefined) return pid;
    throw new Error(`nobody holds ${socket}`);
  }

  kill(pid: number): void {
    signal(pid, "SIGKILL");
  }

  /** It stands still, in all its threads, until mended. */
  async stop(pid: number): Promise<void> {
    this.#stopped.add(pid);
    await halt(pid);
  }

  continue(pid: number): void {
    signal(pid, "SIGCONT");
    this.#stopped.delete(pid);
  }

  async pidIn(side: Side, pidFile: string): Promise<number> {
    const pid = Number(await readFile(`${this.place(side).directory}/${pidFile}`, "utf8"));
    if (pid > 1) return pid;
    throw new Error(`${pidFile} names nobody`);
  }

  /** Holds the lock under which the destination commits; resolves with what lets go of it. */
  async lockRecord(): Promise<() => Promise<void>> {
    const release = await lockFolder(this.place("there").directory);
    this.#locks.add(release);
    return async () => {
      this.#locks.delete(release);
      await release();
    };
  }

  /** The one that waits for that lock. */
  awaitsLock(pid: number): Promise<void> {
    return awaitsLock(pid);
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
    const found = (await processesIn(this.#namespaces[side])).filter((pid) => parentOf(pid) === 1).map(commandOf);
    return found.filter((command) => command !== "" && !command.startsWith("qemu-system"));
  }

  /** What the move made beside the VM's own files. */
  async left(side: Side): Promise<string[]> {
    const place = this.place(side);
    return (await place.host.list(place.directory)).filter((name) => /^near-.*\.(sock|pid)$|\.next$/.test(name));
  }
}
