import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { REPOSITORY } from "../../examples/lab/layout.ts";

const run = promisify(execFile);

/** A Pulumi project with a stack of given outputs, in a folder of its own, for the real CLI. */
export class OutputStack {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;

  private constructor(directory: string, environment: NodeJS.ProcessEnv) {
    this.directory = directory;
    this.environment = environment;
  }

  static async create(outputs: object): Promise<OutputStack> {
    const directory = await mkdtemp(path.join(tmpdir(), "turntable-report-"));
    const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache");
    const folders = [path.join(REPOSITORY, "node_modules/.bin"), path.join(cache, "turntable/pulumi/bin")];
    const stack = new OutputStack(directory, {
      ...process.env,
      PATH: [...folders, process.env.PATH ?? ""].join(":"),
      ...{ PULUMI_BACKEND_URL: `file://${directory}`, PULUMI_HOME: path.join(directory, "home") },
      ...{ PULUMI_CONFIG_PASSPHRASE: "report", PULUMI_SKIP_UPDATE_CHECK: "1", PULUMI_STACK: undefined },
    });
    await writeFile(path.join(directory, "Pulumi.yaml"), "name: outputs\nruntime: nodejs\n");
    await stack.#pulumi("stack", "init", "test");
    const file = path.join(directory, "deployment.json");
    await writeFile(file, JSON.stringify(deploymentOf(outputs)));
    await stack.#pulumi("stack", "import", "--file", file);
    return stack;
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  async #pulumi(...argv: readonly string[]): Promise<void> {
    await run("pulumi", [...argv, "--non-interactive", "--cwd", this.directory], { env: this.environment });
  }
}

function deploymentOf(outputs: object) {
  const type = "pulumi:pulumi:Stack";
  const resource = { urn: `urn:pulumi:test::outputs::${type}::outputs-test`, custom: false, type, outputs };
  const time = "2026-11-23T01:03:05.195Z";
  return { version: 3, deployment: { manifest: { time, magic: "", version: "" }, resources: [resource] } };
}
