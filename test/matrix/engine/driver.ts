import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SiteName } from "../../../examples/lab/layout.ts";
import { signal } from "../../breakage/processes.ts";
import { RunningUp } from "../../e2e/crash.ts";
import type { World } from "../../e2e/world.ts";

/** An `up` under way. */
export interface Up {
  /** The process that is the move's controller. */
  readonly controller: Promise<number>;
  /** What it has said so far. */
  readonly output: string;
  /** Its exit code when it ends by itself; undefined when it was killed. */
  readonly ended: Promise<number | undefined>;
  /** SIGKILL to it and to all that it started. */
  kill(): Promise<void>;
}

/** Who asks the provider to bring the VM somewhere. */
export interface Driver {
  /** `pulumi up` with this site declared. */
  up(site: SiteName): Up;
  /** What is to be done before another `up` when one was killed. */
  afterKill(): Promise<void>;
  /** Removes the VM and its tunnel. Rejects with what was said if that fails. */
  destroy(): Promise<void>;
}

/** The engine's part played by a process of the matrix's own: quick, for hundreds of cells. */
export function directDriver(inventoryFile: string, stackFile: string): Driver {
  const start = (...verb: readonly string[]) => new DirectUp([inventoryFile, stackFile, ...verb]);
  return {
    up: (site) => start("up", site),
    afterKill: async () => undefined,
    async destroy() {
      const run = start("destroy");
      if ((await run.ended) !== 0) throw new Error(`the VM could not be removed: ${run.output.slice(-2_000)}`);
    },
  };
}

const PROGRAM = fileURLToPath(new URL("process.ts", import.meta.url));

class DirectUp implements Up {
  readonly #child: ChildProcess;
  readonly controller: Promise<number>;
  readonly ended: Promise<number | undefined>;
  output = "";

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.controller = Promise.resolve(this.#child.pid ?? 0);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    this.ended = once(this.#child, "close").then(([code]) => (typeof code === "number" ? code : undefined));
  }

  async kill(): Promise<void> {
    signal(this.#child.pid ?? 0, "SIGKILL");
    await this.ended;
  }
}

/** The real CLI, as a user calls it. */
export function cliDriver(here: World): Driver {
  return {
    up: (site) => new CliUp(here, site),
    async afterKill() {
      await here.pulumi.attempt("cancel", "--yes");
    },
    async destroy() {
      await here.pulumi.run("destroy", "--yes", "--skip-preview");
    },
  };
}

class CliUp implements Up {
  readonly #run: Promise<RunningUp>;
  #running: RunningUp | undefined;
  #killed = false;
  readonly controller: Promise<number>;
  readonly ended: Promise<number | undefined>;

  constructor(here: World, site: SiteName) {
    this.#run = here.pulumi.run("config", "set", "site", site).then(() => {
      this.#running = new RunningUp(here);
      return this.#running;
    });
    this.controller = this.#run.then((run) => run.provider());
    this.controller.catch(() => undefined);
    this.ended = this.#run.then((run) => run.end()).then((code) => (this.#killed ? undefined : Number(code)));
  }

  get output(): string {
    return this.#running?.output ?? "";
  }

  async kill(): Promise<void> {
    this.#killed = true;
    await (await this.#run).killAll();
  }
}
