import { readFile } from "node:fs/promises";
import { z } from "zod";
import { moveRecord } from "../controller/placement.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import { toldByStack } from "../stack.ts";
import { type ReportInput, reportInput } from "./input.ts";

/** An exported resource in a list in an object: deeper than that nobody exports one. */
const DEEPEST = 5;

const outputs = z.record(z.string(), z.unknown());
const named = z.looseObject({ name: z.string().min(1) });

/** What a report is made of, and what to call it among the others of its stack. */
export interface Source {
  readonly name: string;
  readonly input: ReportInput;
}

/** Reads the file of one move. Throws input.invalid with each property that is wrong. */
export async function moveInFile(file: string): Promise<Source> {
  const refuse = (why: string, cause: unknown) =>
    new TurntableError("input.invalid", `${file} does not describe a move: ${why}`, {
      ...{ retry: "never", cause },
      next: "Give the JSON of one move: {schema: 1, move: the `lastMove` of a VmPlacement, observed?}.",
    });
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, "utf8"));
  } catch (thrown) {
    throw refuse(reasonOf(thrown), thrown);
  }
  const { success, data, error } = reportInput.safeParse(content);
  if (!success) throw refuse(z.prettifyError(error).replaceAll("\n", " "), error);
  return { name: data.vm ?? "", input: data };
}

/**
 * Every move on record in the outputs of a Pulumi stack: the one that is selected for the project in `directory`.
 * Throws input.invalid if the CLI cannot tell the outputs, or if they hold none.
 */
export async function movesInStack(directory: string): Promise<Source[]> {
  const told = await toldByStack(directory, ["stack", "output", "--json"], "the outputs", "give a file with --input");
  const found = movesIn(outputs.parse(told));
  if (found.length > 0) return found;
  throw new TurntableError("input.invalid", `the outputs of ${directory}'s stack hold no record of a move`, {
    ...{ retry: "safe" },
    next: "Export one: `export const lastMove = vm.lastMove;`, then move the VM with `pulumi up`.",
  });
}

/** Records of moves among a stack's outputs, wherever they are: `lastMove` itself, or a VM that was exported whole. */
export function movesIn(value: unknown, name = "", vm?: string, depth = 0): Source[] {
  const move = moveRecord.safeParse(value);
  if (move.success) {
    return [{ name: vm ?? name, input: { schema: 1, ...(vm === undefined ? {} : { vm }), move: move.data } }];
  }
  const children = z.record(z.string(), z.unknown()).or(z.array(z.unknown())).safeParse(value);
  if (!children.success || depth === DEEPEST) return [];
  const owner = named.safeParse(value).data?.name;
  return Object.entries(children.data).flatMap(([key, child]) =>
    movesIn(child, key === "lastMove" ? name : key, key === "lastMove" ? owner : undefined, depth + 1),
  );
}
