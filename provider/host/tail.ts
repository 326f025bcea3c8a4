import type { Readable } from "node:stream";

const KEPT = 4_000;

/** Reads a stream to its end and returns a function that gives the last characters of it so far. */
export function tailOf(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text = (text + chunk).slice(-KEPT);
  });
  return () => text;
}
