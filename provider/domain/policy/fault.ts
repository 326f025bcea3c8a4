import type { DetailedError } from "@cedar-policy/cedar-wasm/nodejs";

/** A fault as "clients.cedar:12: what is wrong (what may be meant)". `offset`: where in the file the engine began to read. */
export function faultAt(error: DetailedError, { name, text }: { name: string; text: string }, offset: number): string {
  const [place] = error.sourceLocations ?? [];
  // The engine counts in bytes of UTF-8.
  const before = Buffer.from(text.slice(offset))
    .subarray(0, place?.start ?? 0)
    .toString();
  const more = [place?.label, error.help].filter((part) => part);
  const hint = more.length > 0 ? ` (${more.join("; ")})` : "";
  return `${name}:${lineAt(text, offset + before.length)}: ${error.message}${hint}`;
}

/** The line of a character, from 1 on. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, Math.max(0, offset)).split("\n").length;
}
