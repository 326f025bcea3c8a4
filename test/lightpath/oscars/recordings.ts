import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const FOLDER = path.resolve(import.meta.dirname, "../../fixtures/oscars");

/** A question and its answer, as recorded. */
export interface Recording {
  readonly method: string;
  readonly path: string;
  readonly asked: string;
  readonly status: number;
  readonly answered: string;
}

/** The one whose file's name begins so: "08". */
export function recording(number: string): Recording {
  const file = readdirSync(FOLDER).find((name) => name.startsWith(`${number}-`));
  if (file === undefined) throw new Error(`nothing was recorded as ${number}`);
  const text = readFileSync(path.join(FOLDER, file), "utf8");
  const [, method = "", at = "", asked = "", status, answered = ""] =
    /^(\S+) (\S+)\n[^\n]*\n\n(.*?)\n\n-> (\d+)\n?(.*)$/s.exec(text) ?? [];
  return { method, path: at, asked: asked.trim(), status: Number(status), answered: answered.trim() };
}
