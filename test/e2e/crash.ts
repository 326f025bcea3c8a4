import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { REPOSITORY, type SiteName } from "../../examples/lab/layout.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { commandOf, isAlive, parentOf } from "../breakage/processes.ts";
import { until } from "../breakage/until.ts";
import { inside, traces, type World } from "./world.ts";

/** A `pulumi up` that can be heard while it runs, and killed: alone, or with every process that it started. */
export class RunningUp {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #output = "";
  /** What it started and outlives it. */
  #orphans: readonly number[] = [];

  /** `project`: its folder; absent: the lab's own. */
  constructor({ environment }: Pick<World, "environment">, project = REPOSITORY, ...options: readonly string[]) {
    const argv = ["up", "--yes", "--skip-preview", "--non-interactive", "--color", "never", ...options];
    this.#child = spawn("pulumi", argv, {
      cwd: project,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    this.#ended = once(this.#child, "exit");
  }

  /** What it has said so far. */
  get output(): string {
    return this.#output;
  }

  /** Its exit code, when it ends by itself. */
  async end(): Promise<unknown> {
    return (await this.#ended)[0];
  }

  /** The process that moves VMs, once the CLI has started it. */
  async provider(): Promise<number> {
    const find = () => descendantsOf(this.#child.pid ?? 0).find((one) => commandOf(one).includes("dynamic-provider"));
    await until("the provider's process", async () => find() !== undefined);
    return find() ?? 0;
  }

  /** SIGKILL to the CLI, whose provider lives on; resolves with the provider's process. */
  async killPulumi(): Promise<number> {
    const pid = this.#child.pid ?? 0;
    this.#orphans = descendantsOf(pid);
    const provider = this.#orphans.find((one) => commandOf(one).includes("dynamic-provider"));
    process.kill(pid, "SIGKILL");
    await this.#ended;
    if (provider === undefined) throw new Error("the provider's process was not found");
    return provider;
  }

  /** SIGKILL to the CLI and to all that it started. */
  async killAll(): Promise<void> {
    await this.killPulumi();
    this.endOrphans();
  }

  /** What a killed CLI left running. */
  endOrphans(): void {
    for (const pid of this.#orphans) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  }
}

/** Waits until a process that has nothing more to do ends by itself. */
export async function whenEnded(pid: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(100)) if (!isAlive(pid)) return;
  throw new Error(`process ${pid} does not end`);
}

function descendantsOf(pid: number): readonly number[] {
  const children = readdirSync("/proc")
    .map(Number)
    .filter((one) => Number.isInteger(one) && parentOf(one) === pid);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** From now on a site's end of the path carries so much; short queues, so that nobody takes it for dead. */
export async function shapePath({ lab }: World, site: SiteName, rateMbps: number): Promise<void> {
  for (const device of ["lp0", "lp1"]) {
    const isShaped = async () =>
      (await inside(lab.namespaces[site], "tc", "qdisc", "show", "dev", device)).includes("tbf");
    if (!(await isShaped())) continue;
    const shaper = ["rate", `${rateMbps}mbit`, "burst", "256kb", "limit", "512kb"];
    const changed = inside(lab.namespaces[site], "tc", "qdisc", "change", "dev", device, "root", "tbf", ...shaper);
    // A move that ends meanwhile leaves the path, and nothing to be shaped.
    await changed.catch(async (thrown: unknown) => {
      if (await isShaped()) throw thrown;
    });
  }
}

/** Waits until the guest stands still at a site, off its network: the switchover has begun. */
export async function whenOffItsNetwork({ lab, inventory }: World, site: SiteName): Promise<void> {
  const port = `/sys/class/net/${segmentOf(inventory.vm.name).tap}/master`;
  const watch = "import os, sys, time\nwhile os.path.exists(sys.argv[1]): time.sleep(0.001)";
  await inside(lab.namespaces[site], "python3", "-c", watch, port);
}

/** Waits until the record at a site says that the VM is there. */
export async function whenCommitted({ lab, inventory }: World, site: SiteName): Promise<void> {
  const file = `${lab.storage(site)}/${inventory.vm.name}/vm.json`;
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(2)) {
    if (/"role":\s*"active"/.test(await readFile(file, "utf8").catch(() => ""))) return;
  }
  throw new Error(`the VM did not arrive at ${site}`);
}

/** What a move left beside the VM where it is and at the gateway; empty if nothing. */
export async function movesLeftovers(here: World, site: SiteName): Promise<string[]> {
  const { gateway, ...sites } = here.inventory.namespaces;
  const all = await traces(here);
  const files = (all.files ?? "").split("\n").filter((file) => /journal|near-|\.lease|\.next|\.json\.\d/.test(file));
  const processes = [gateway, sites[site]].flatMap((name) => (all[name] ?? "").split("---")[0]?.split("\n") ?? []);
  return [...files, ...processes.filter((one) => /python|nbdkit|stunnel/.test(one))];
}
