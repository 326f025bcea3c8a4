import { z } from "zod";
import { domainRecord } from "../aaa/domain-record.ts";
import { timeWindow } from "../aaa/wire.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { fixedRecord } from "../lightpath/fixed/record.ts";
import { nsiRecord } from "../lightpath/nsi/record.ts";
import { oscarsRecord } from "../lightpath/oscars/record.ts";
import { location } from "./placement.ts";

const stageEntry = z.strictObject({
  stage: z.string(),
  state: z.enum(["begun", "done", "undone"]),
  at: z.iso.datetime(),
});

/** `<storage>/<vm>/journal.json`, at both ends while a move lasts. Holds no secret. */
const journalFile = z.strictObject({
  schema: z.literal(1),
  move: z.string(),
  from: z.string(),
  to: z.string(),
  epoch: z.int(),
  /** Both sites, so that whoever finds the journal at one of them can ask the other. */
  locations: z.array(location).default([]),
  stages: z.array(stageEntry),
  /** The hosts' ports that were put on the path. */
  lit: z.array(z.strictObject({ site: z.string(), host: z.string(), device: z.string() })).default([]),
  /** What outside the two hosts must be given back. */
  borrowed: z.strictObject({
    /** The domain, or the provider, that lent it. */
    home: z.union([domainRecord, nsiRecord, oscarsRecord, fixedRecord]).optional(),
    /** What is asked for, before its id is known: no two moves ask for the same milliseconds. */
    asking: timeWindow.optional(),
    grant: z.string().optional(),
    /** Grants asked for in the course of the move, for a higher rate or a longer time. */
    further: z.array(z.strictObject({ asking: timeWindow, grant: z.string().optional() })).optional(),
    reserving: timeWindow.optional(),
    connection: z.string().optional(),
    /** Whether the connection was declared by somebody and is only to be put out. */
    declared: z.boolean().default(false),
    /** What a declared one that is lit shall carry from then on, instead of being put out. */
    recastMbps: z.number().positive().optional(),
  }),
});

export type JournalFile = z.output<typeof journalFile>;

/** What a journal says of its move from the beginning. */
export type JournalHeader = Pick<JournalFile, "move" | "from" | "to" | "epoch"> & {
  readonly locations?: JournalFile["locations"];
};

/** Where a copy of the journal stands: the VM's directory at a host. */
export interface Shelf {
  readonly host: Host;
  readonly directory: string;
}

const pathOn = (shelf: Shelf) => `${shelf.directory}/journal.json`;

/** The journal found on a shelf, or undefined. Rejects with move.failed if it cannot be understood. */
export async function readJournal(shelf: Shelf): Promise<JournalFile | undefined> {
  const text = await shelf.host.readFile(pathOn(shelf));
  if (text === undefined) return undefined;
  try {
    return journalFile.parse(JSON.parse(text));
  } catch (thrown) {
    throw unreadable(shelf, thrown);
  }
}

function unreadable(shelf: Shelf, thrown: unknown): TurntableError {
  const reason = thrown instanceof z.ZodError ? z.prettifyError(thrown) : reasonOf(thrown);
  return new TurntableError(
    "move.failed",
    `the journal ${pathOn(shelf)} at ${shelf.host.name} is no journal: ${reason}`,
    {
      retry: "never",
      next: "See which path and grant it names, give those back by hand, and remove the file.",
      cause: thrown,
    },
  );
}

/** Whether a stage of the move was begun, whatever became of it. */
export function wasBegun({ stages }: JournalFile, stage: string): boolean {
  return stages.some((entry) => entry.stage === stage);
}

/** Writes the journal of a move that broke off anew, with these ports. */
export async function notePorts(shelf: Shelf, file: JournalFile, lit: JournalFile["lit"]): Promise<void> {
  await shelf.host.writeFile(pathOn(shelf), `${JSON.stringify({ ...file, lit }, null, 2)}\n`);
}

export async function removeJournal(shelf: Shelf): Promise<void> {
  await shelf.host.remove(pathOn(shelf));
}

/** What a move is about to do, written durably on every shelf before it is done. */
export class Journal {
  #file: JournalFile;
  #shelves: Shelf[];

  constructor(file: JournalHeader, shelf: Shelf) {
    this.#file = { locations: [], ...file, schema: 1, stages: [], lit: [], borrowed: { declared: false } };
    this.#shelves = [shelf];
  }

  async note(stage: string, state: z.output<typeof stageEntry>["state"]): Promise<void> {
    const entry = { stage, state, at: new Date().toISOString() };
    this.#file = { ...this.#file, stages: [...this.#file.stages, entry] };
    await this.#write();
  }

  async borrow(what: Partial<JournalFile["borrowed"]>): Promise<void> {
    this.#file = { ...this.#file, borrowed: { ...this.#file.borrowed, ...what } };
    await this.#write();
  }

  async lights(ports: JournalFile["lit"]): Promise<void> {
    this.#file = { ...this.#file, lit: [...this.#file.lit, ...ports] };
    await this.#write();
  }

  /** From now on it stands there too. */
  async alsoOn(shelf: Shelf): Promise<void> {
    this.#shelves.push(shelf);
    await this.#write();
  }

  /** From now on it does not stand there, nor is it touched there. */
  leave(shelf: Shelf): void {
    this.#shelves = this.#shelves.filter((one) => one.host !== shelf.host || one.directory !== shelf.directory);
  }

  /** The move is over, one way or the other. */
  async close(): Promise<void> {
    for (const shelf of this.#shelves) await removeJournal(shelf);
  }

  async #write(): Promise<void> {
    const text = `${JSON.stringify(this.#file, null, 2)}\n`;
    await Promise.all(this.#shelves.map((shelf) => shelf.host.writeFile(pathOn(shelf), text)));
  }
}
