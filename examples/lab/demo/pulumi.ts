import { spawn } from "node:child_process";
import { once } from "node:events";

/** What a run of the CLI left behind. */
export interface CliResult {
  readonly code: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** The Pulumi CLI at one project, in one environment. Nothing is asked: everything is answered with yes. */
export class PulumiCli {
  readonly #directory: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #echo: boolean;
  readonly #namespace: string | undefined;

  /** `echo`: show what the CLI shows while it runs. `namespace`: where it runs; this process's own if absent. */
  constructor(directory: string, environment: Readonly<Record<string, string>>, echo: boolean, namespace?: string) {
    this.#directory = directory;
    this.#environment = environment;
    this.#echo = echo;
    this.#namespace = namespace;
  }

  /** Runs a command to its end, whatever its exit code. */
  async attempt(...argv: readonly string[]): Promise<CliResult> {
    // A passphrase of the user's shell would win over the lab's passphrase file.
    const { PULUMI_CONFIG_PASSPHRASE: _, ...inherited } = process.env;
    const command = ["pulumi", ...argv, "--non-interactive", "--color", "never"];
    const within = this.#namespace === undefined ? [] : ["ip", "netns", "exec", this.#namespace];
    const [program = "", ...rest] = [...within, ...command];
    const child = spawn(program, rest, {
      cwd: this.#directory,
      env: { ...inherited, ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (this.#echo) process.stderr.write(text);
      });
    }
    const [code] = await once(child, "close");
    return { code: typeof code === "number" ? code : 255, output };
  }

  /** As attempt, but throws an Error with the last of the output unless the command succeeds. */
  async run(...argv: readonly string[]): Promise<string> {
    const { code, output } = await this.attempt(...argv);
    if (code === 0) return output;
    throw new Error(`pulumi ${argv.join(" ")} ended with ${code}: …${output.trim().slice(-2_000)}`);
  }

  /** The stack's outputs, secrets left out. */
  async outputs(): Promise<unknown> {
    const quiet = new PulumiCli(this.#directory, this.#environment, false, this.#namespace);
    const text = await quiet.run("stack", "output", "--json");
    return JSON.parse(text.slice(text.indexOf("{")));
  }
}
