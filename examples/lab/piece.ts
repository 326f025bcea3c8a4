import { TurntableError } from "../../provider/errors.ts";

/** A part of the lab that can be looked at, and made or repaired alone. */
export interface Piece {
  readonly name: string;
  /** What it is there for, in one line: `up` says it. */
  readonly purpose: string;
  /** Undefined if all of it is as it should be, else what is wrong. Changes nothing. */
  inspect(): Promise<string | undefined>;
  /** Makes what lacks; what is whole is left alone. */
  make(): Promise<void>;
}

/** Makes a piece unless it is whole. Resolves with what was wrong, if anything. Rejects with host.command-failed if making it did not help. */
export async function ensure(piece: Piece): Promise<string | undefined> {
  const fault = await piece.inspect();
  if (fault === undefined) return undefined;
  await piece.make();
  const left = await piece.inspect();
  if (left === undefined) return fault;
  throw new TurntableError("host.command-failed", `the lab's ${piece.name} was made, but: ${left}`, {
    retry: "safe",
    next: "Run `npm run lab -- down`, then `npm run lab -- up`; the logs are in the lab's directory under log/.",
  });
}
