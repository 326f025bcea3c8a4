import { expect } from "vitest";
import type { Host, Pilot } from "../../provider/host/host.ts";
import type { Arrival, MoveMode, Progress, Transfer } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { Breakage, type Side, until } from "./breakage.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

const RATE_MBPS = 150;

export type Outcome = { readonly transfer: Transfer } | { readonly thrown: unknown };

/** A VM that crosses from one host to another, one move a test, and what is broken of it meanwhile. */
export class Crossing {
  readonly hosts: TwoHosts;
  readonly broken: Breakage;
  readonly #mode: MoveMode;

  private constructor(hosts: TwoHosts, broken: Breakage, mode: MoveMode) {
    this.hosts = hosts;
    this.broken = broken;
    this.#mode = mode;
  }

  static async open(tag: string, mode: MoveMode = "live"): Promise<Crossing> {
    const hosts = await twoHosts(tag);
    return new Crossing(hosts, new Breakage(tag, hosts), mode);
  }

  /** The VM runs here, and there one waits for it. */
  async prepare(): Promise<void> {
    // So slow that there is time to break something in the middle.
    const shaper = ["rate", `${RATE_MBPS}mbit`, "burst", "256kb", "limit", "1mb"];
    await this.broken.inside("here", "tc", "qdisc", "replace", "dev", "lp0", "root", "tbf", ...shaper);
    await this.#bootHere();
    await qemu.receive(this.hosts.there, this.hosts.vm, this.arrival());
    for (const side of ["here", "there"] as const) await this.broken.joinNetwork(side);
  }

  /** A test that left the VM at home leaves it to the next one. */
  async #bootHere(): Promise<void> {
    const { here, vm } = this.hosts;
    if ((await this.run("here")) === "running") return;
    await qemu.remove(here, vm.name);
    await qemu.start(here, vm, 1);
    await until("the guest boots", async () =>
      ((await here.host.readFile(`${here.directory}/serial.log`)) ?? "").includes("GUEST READY"),
    );
  }

  /** What was broken is whole again, and nobody is at work any more. */
  async end(): Promise<void> {
    await this.broken.mend();
    await qemu.remove(this.hosts.there, this.hosts.vm.name);
    for (const side of ["here", "there"] as const) await this.untilAlone(side);
  }

  arrival(): Arrival {
    return { epoch: 2, generation: "move-2", machine: this.hosts.machine, onto: "nothing" };
  }

  /** A move, the moment when some of something has been copied, and what ends the source pilot's line to its controller. */
  move(what: Progress["what"] = "disk") {
    const copying = Promise.withResolvers<void>();
    const { here, there, vm } = this.hosts;
    let line: Pilot | undefined;
    const pilot: Host["pilot"] = async (program, parameters) => {
      const started = await here.host.pilot(program, parameters);
      if ("heart" in parameters) line = started;
      return started;
    };
    const outcome: Promise<Outcome> = qemu
      .send({
        ...{ source: { ...here, host: { ...here.host, pilot } }, destination: there },
        ...{ vm, arrival: this.arrival(), mode: this.#mode, turns: [], encryption: "tls" },
        ...{ bandwidthMbps: RATE_MBPS, rttMs: 1, downtimeBudgetMs: 1000, onNotice: () => undefined },
        onProgress: (progress) => {
          if (progress.what === what && progress.doneBytes > 1e6) copying.resolve();
        },
      })
      .then(
        (transfer) => ({ transfer }),
        (thrown: unknown) => ({ thrown }),
      );
    return {
      copying: Promise.race([copying.promise, outcome.then((ended) => expect.unreachable(JSON.stringify(ended)))]),
      outcome,
      hangUp: () => line?.close(),
    };
  }

  /** The move is held at the last moment before its commit: all memory is there, and nothing recorded. */
  async atTheCommit() {
    const release = await this.broken.lockRecord();
    const { copying, outcome } = this.move();
    await copying;
    const pilot = await this.broken.holder("there", "pilot");
    await this.broken.awaitsLock(pilot);
    return { pilot, outcome, release };
  }

  async run(side: Side): Promise<string> {
    const seen = await qemu.observe(this.hosts[side]);
    return "run" in seen ? seen.run : seen.kind;
  }

  /** Asked of the guest, not of the controller: how long it took until it was heard at the source. */
  async untilHome(): Promise<number> {
    return await until("the guest runs at the source, connected", () => this.broken.answers("here"));
  }

  async untilAlone(side: Side): Promise<void> {
    await until(`nobody asks, answers or copies ${side}`, async () => (await this.broken.orphans(side)).length === 0);
  }

  async expectNothingLeft(): Promise<void> {
    await this.untilAlone("here");
    expect(await this.broken.left("here")).toEqual([]);
    expect(await qemu.observe(this.hosts.here)).toEqual({ kind: "active", epoch: 1, run: "running" });
  }
}
