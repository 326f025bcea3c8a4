import { Transform } from "node:stream";

/** Lets bytes through in their order, each `ms` after it came; many may be on their way at once, and so comes the end. */
export function delay(ms: number): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      setTimeout(() => this.push(chunk), ms);
      done();
    },
    flush(done) {
      setTimeout(done, ms);
    },
  });
}
