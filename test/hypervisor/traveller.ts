import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import { foundation } from "../../provider/controller/replica.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, Place, SendRequest, Transfer } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import type { VmSpec } from "../../provider/hypervisor/vm-spec.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

const run = promisify(execFile);
const GUEST = "10.1.1.2";
/** A guest that is just starting, on a machine that is busy with others. */
const PATIENCE_S = 90;

export interface Trip extends Transfer {
  readonly onto: Arrival["onto"];
}

const RATE_MBPS = 1_000;

/** What else happens on a trip. */
export interface Incidents extends Partial<Pick<SendRequest, "onProgress" | "turns">> {
  /** When the disks are alike, and memory is not yet sent. */
  readonly memoryTurn?: (signal: AbortSignal) => Promise<void>;
  /** Awaited when the VM has arrived and nothing was done yet about what it left behind. */
  arrived?(): Promise<void>;
}

/** A VM that goes to and fro between two hosts as a controller would have it. */
export class Traveller {
  readonly hosts: TwoHosts;
  readonly vm: VmSpec;
  readonly warnings: string[] = [];
  readonly #tag: string;
  #epoch = 1;
  /** Where it is. */
  source: Place;
  /** Where it would go. */
  destination: Place;

  private constructor(tag: string, hosts: TwoHosts, vm: VmSpec) {
    this.#tag = tag;
    this.hosts = hosts;
    this.vm = vm;
    ({ here: this.source, there: this.destination } = hosts);
  }

  /** The lab's guest, started at the first of two new hosts, with further disks if they are named. */
  static async begin(tag: string, further: VmSpec["disks"] = []): Promise<Traveller> {
    const hosts = await twoHosts(tag);
    const traveller = new Traveller(tag, hosts, { ...hosts.vm, disks: [...hosts.vm.disks, ...further] });
    await qemu.start(traveller.source, traveller.vm, 1);
    return traveller;
  }

  get epoch(): number {
    return this.#epoch;
  }

  #namespaceOf(place: Place): string {
    return `tq-${this.#tag}-${place === this.hosts.here ? "a" : "b"}`;
  }

  /** Moves to the other host, and stays there. */
  async trip({ arrived, memoryTurn, ...incidents }: Incidents = {}): Promise<Trip> {
    const { source, destination, vm } = this;
    this.#epoch += 1;
    const onto = await this.foundation();
    const arrival = { epoch: this.#epoch, generation: `move-${this.#epoch}`, machine: this.hosts.machine, onto };
    await qemu.receive(destination, vm, arrival);
    const request: SendRequest = {
      ...{ source, destination, vm, arrival, turns: [], encryption: "tls" },
      ...{ bandwidthMbps: RATE_MBPS, downtimeBudgetMs: 1000, rttMs: 1 },
      memoryTurn: async (signal) => {
        await memoryTurn?.(signal);
        return { bandwidthMbps: RATE_MBPS };
      },
      ...{ onProgress: () => undefined, onNotice: () => undefined, ...incidents },
    };
    const transfer = await qemu.send(request);
    [this.source, this.destination] = [destination, source];
    await arrived?.();
    await qemu.retire(source, vm, arrival.generation);
    await qemu.settleDisks(destination, vm);
    return { ...transfer, onto };
  }

  async foundation(): Promise<Arrival["onto"]> {
    const { source, destination, vm } = this;
    return await foundation({ from: source, to: destination, vm }, qemu, (text) => this.warnings.push(text));
  }

  /** What the guest's application says, asked from the host that runs it. */
  async guest<T>(ask: (control: GuestControl) => Promise<T>, at: Place = this.source): Promise<T> {
    const { bridge } = segmentOf(this.vm.name);
    const namespace = this.#namespaceOf(at);
    // The same neighbour at both hosts, so that the guest need not find out that it has another one.
    await run("ip", ["-n", namespace, "link", "set", bridge, "address", "52:54:00:10:01:01"]);
    await run("ip", ["-n", namespace, "address", "replace", "10.1.1.1/24", "dev", bridge]);
    const control = await GuestControl.connect(namespace, GUEST, PATIENCE_S);
    return await ask(control).finally(() => control.close());
  }

  /** The files of the running VM's disks. */
  async chain(): Promise<string[]> {
    return (await this.source.host.list(this.source.directory)).filter((name) => name.endsWith(".qcow2")).sort();
  }

  async takenBytes(place: Place): Promise<number> {
    return (await qemu.allocatedBytes(place, this.vm)).all;
  }

  async pid(place: Place): Promise<number> {
    return Number(await readFile(`${place.directory}/qemu.pid`, "utf8"));
  }

  /** What QEMU has read from files so far, those of its disks above all. */
  async readBytes(): Promise<number> {
    const io = await readFile(`/proc/${await this.pid(this.source)}/io`, "utf8");
    return Number(/^rchar: (\d+)$/m.exec(io)?.[1]);
  }

  /** What a host has put on the lightpath so far, frames and all. */
  async laidOnPathBytes(place: Place): Promise<number> {
    const counter = "/sys/class/net/lp0/statistics/tx_bytes";
    const { stdout } = await run("ip", ["netns", "exec", this.#namespaceOf(place), "cat", counter]);
    return Number(stdout);
  }

  /** The whole path, and every other way between the hosts, is dead or alive from now on. */
  async setWays(state: "up" | "down"): Promise<void> {
    for (const device of ["lp0", "rt0"]) {
      await run("ip", ["-n", this.#namespaceOf(this.hosts.there), "link", "set", device, state]);
    }
  }

  async end(): Promise<void> {
    await this.hosts.close();
  }
}
