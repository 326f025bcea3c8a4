import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";
import type {} from "./attack.ts";

/** Prints a line an attack: its name, who refused it, and why; and in full whatever was not as it should be. */
export default class AttackReporter implements Reporter {
  /** Files run beside one another: each is told as a whole. */
  onTestModuleEnd(module: TestModule): void {
    for (const test of module.children.allTests()) tell(test);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((one) => [...one.children.allTests()]);
    const refused = tests.filter((one) => one.result().state === "passed" && one.meta().refusal !== undefined);
    const suites = modules.flatMap((one) => [one, ...one.children.allSuites()]);
    const faults = [...unhandled, ...suites.flatMap((one) => one.errors())];
    for (const { message, stack } of faults) process.stdout.write(`FAULT: ${stack ?? message}\n`);
    const failed = tests.filter((one) => one.result().state === "failed").length;
    process.stdout.write(`${refused.length} attacks refused, ${failed} not, ${faults.length} other faults\n`);
  }
}

const NAME_WIDTH = 64;
const WHO_WIDTH = 16;

function tell(attack: TestCase): void {
  const { state, errors = [] } = attack.result();
  const { refusal } = attack.meta();
  if (state === "passed" && refusal !== undefined) line(attack.name, refusal.by, refusal.reason);
  else if (state === "failed") line(attack.name, "NOT REFUSED", errors.map(({ message }) => message).join("; "));
}

function line(name: string, who: string, reason: string): void {
  process.stdout.write(`${name.padEnd(NAME_WIDTH)} ${who.padEnd(WHO_WIDTH)} ${reason.replaceAll("\n", " ")}\n`);
}
