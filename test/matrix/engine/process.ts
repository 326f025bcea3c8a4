import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type Inventory, inventory } from "../../../examples/lab/inventory.ts";
import { type Composition, compose } from "../../../provider/composition.ts";
import { answerAt } from "../../../provider/door.ts";
import { PartialFailure } from "../../../provider/resource.ts";
import { placementAt, type Recorded, readStack, type Stack, tunnelTo, writeStack } from "./stack.ts";

/*
 * What Pulumi's engine asks of this package's provider in one `up` or `destroy` of examples/turn, asked by a process
 * of its own through the provider's own door: a controller that a test can kill, without the engine's seconds.
 *
 * usage: process.ts INVENTORY STACK up SITE | INVENTORY STACK destroy
 */

type Type = "VmPlacement" | "Tunnel";
const checkAnswer = z.object({ inputs: z.record(z.string(), z.unknown()), failures: z.array(z.unknown()) });
const made = z.object({ id: z.string(), outs: z.record(z.string(), z.unknown()) });
const updated = made.omit({ id: true });

class Engine {
  readonly #context: Composition;
  readonly #file: string;
  readonly #stack: Stack;
  readonly #lab: Inventory;

  constructor(context: Composition, lab: Inventory, file: string, stack: Stack) {
    this.#context = context;
    this.#lab = lab;
    this.#file = file;
    this.#stack = stack;
  }

  async up(site: "ams" | "san"): Promise<void> {
    const placement = await this.#ensure("VmPlacement", this.#stack.placement, placementAt(this.#lab, site), (now) => {
      this.#stack.placement = now;
    });
    await this.#ensure("Tunnel", this.#stack.tunnel, tunnelTo(this.#lab, site, placement), (now) => {
      this.#stack.tunnel = now;
    });
  }

  async destroy(): Promise<void> {
    const { tunnel, placement } = this.#stack;
    if (tunnel) await this.#ask("Tunnel", "delete", tunnel.id, tunnel.outs);
    delete this.#stack.tunnel;
    await writeStack(this.#file, this.#stack);
    if (placement) await this.#ask("VmPlacement", "delete", placement.id, placement.outs);
    delete this.#stack.placement;
    await writeStack(this.#file, this.#stack);
  }

  async #ensure(
    type: Type,
    was: Recorded | undefined,
    declared: object,
    keep: (now: Recorded) => void,
  ): Promise<Recorded> {
    const answer = checkAnswer.parse(await this.#ask(type, "check", was?.inputs ?? {}, declared));
    if (answer.failures.length > 0) throw new Error(`${type}: ${JSON.stringify(answer.failures)}`);
    // A transition is shown to policies, and is no input of its own.
    const { move: _, ...inputs } = answer.inputs;
    if (was && !was.unfinished && JSON.stringify(was.inputs) === JSON.stringify(inputs)) return was;
    try {
      const now = was
        ? { id: was.id, ...updated.parse(await this.#ask(type, "update", was.id, was.outs, answer.inputs)) }
        : made.parse(await this.#ask(type, "create", answer.inputs));
      return await this.#record({ ...now, inputs, unfinished: false }, keep);
    } catch (thrown) {
      if (thrown instanceof PartialFailure) {
        await this.#record({ id: thrown.id, inputs, outs: thrown.properties, unfinished: true }, keep);
      }
      throw thrown;
    }
  }

  async #record(now: Recorded, keep: (now: Recorded) => void): Promise<Recorded> {
    keep(now);
    await writeStack(this.#file, this.#stack);
    return now;
  }

  #ask(type: Type, verb: string, ...args: readonly unknown[]): Promise<unknown> {
    return answerAt(this.#context, type, verb, args);
  }
}

const [inventoryFile = "", stackFile = "", verb, site] = process.argv.slice(2);
const lab = inventory.parse(JSON.parse(await readFile(inventoryFile, "utf8")));
const settings = new Map<string, string>(Object.entries(lab.credentials));
const say = (line: string) => void process.stdout.write(`${line}\n`);
const context = compose((key) => settings.get(key), {
  info: say,
  warn: (line) => say(`warning: ${line}`),
  progress: say,
});
const engine = new Engine(context, lab, stackFile, await readStack(stackFile));
try {
  await (verb === "destroy" ? engine.destroy() : engine.up(z.enum(["ams", "san"]).parse(site)));
} catch (thrown) {
  say(`error: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  process.exitCode = 1;
} finally {
  await context.rest();
}
