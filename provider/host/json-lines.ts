import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** More than any file or output that a host is asked for. Whoever sends more in one line would fill this machine's memory. */
const LONGEST_LINE = 32 * 1_024 * 1_024;

export interface LineReader {
  readonly message: (message: unknown) => void;
  /** The first 200 characters of a line that is not JSON; what follows is read on. */
  readonly garbage: (line: string) => void;
  /** A line has no end: nothing is read any more. */
  readonly endless: () => void;
}

/** Gives each line of `stream`, parsed as JSON, to `reader`, in order; blank lines are skipped. */
export function readJsonLines(stream: Readable, reader: LineReader): void {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  let length = 0;
  const take = (line: string) => {
    if (line.trim() === "") return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      reader.garbage(line.slice(0, 200));
      return;
    }
    reader.message(message);
  };
  stream.on("data", (chunk: Buffer) => {
    const lines = decoder.write(chunk).split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      parts.push(line);
      take(parts.join(""));
      parts = [];
      length = 0;
    }
    parts.push(rest);
    length += rest.length;
    if (length <= LONGEST_LINE) return;
    parts = [];
    length = 0;
    stream.destroy();
    reader.endless();
  });
}

/** One message as a line. */
export function jsonLine(message: object): string {
  return `${JSON.stringify(message)}\n`;
}
