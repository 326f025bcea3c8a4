import { reasonOf, TurntableError } from "../errors.ts";
import type { Narrator } from "../resource.ts";
import type { Journal } from "./journal.ts";
import type { Lease } from "./lease.ts";

/** The stages of a move, in order. */
export const STAGES = ["hold", "authorize", "light", "migrate", "steer", "release"] as const;
export type Stage = (typeof STAGES)[number];

/** A terminal shows the newest line in place; a build's log keeps every one of them. */
const PROGRESS_INTERVAL_MS = process.env.CI ? 5_000 : 1_000;

/** How to take back one thing, noted the moment it was done. */
export type Undo = (what: string, act: () => Promise<void>) => void;

/**
 * The course of one move: each stage is journaled before it acts, timed, and told; what it did is taken back in
 * reverse order if a later one fails. After `commit` nothing is taken back any more.
 */
export class Course {
  readonly #title: string;
  readonly #journal: Journal;
  readonly #narrator: Narrator;
  readonly #lease: Pick<Lease, "lost">;
  readonly #undos: { what: string; act: () => Promise<void> }[] = [];
  readonly #startedAt = performance.now();
  readonly stagesMs: Record<string, number> = {};
  #toldAt = Number.NEGATIVE_INFINITY;
  #current: Stage = "hold";
  #committed = false;
  #unknown = false;

  /** `title`: "web at ams → san", for every line and error. Without its lease it does nothing further, nor takes anything back. */
  constructor(title: string, journal: Journal, narrator: Narrator, lease: Pick<Lease, "lost"> = { lost: undefined }) {
    this.#title = title;
    this.#journal = journal;
    this.#narrator = narrator;
    this.#lease = lease;
  }

  get totalMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  async stage<T>(stage: Stage, why: string, act: (undo: Undo) => Promise<T>): Promise<T> {
    this.#current = stage;
    this.heed();
    this.#narrator.info(`${this.#title} [${STAGES.indexOf(stage) + 1}/${STAGES.length}] ${stage}: ${why}`);
    await this.#journal.note(stage, "begun");
    const startedAt = performance.now();
    const result = await act((what, undo) => this.#undos.push({ what, act: undo }));
    this.stagesMs[stage] = Math.round(performance.now() - startedAt);
    await this.#journal.note(stage, "done");
    return result;
  }

  /** Throws vm.busy if the lease is lost: another controller may be at work. */
  heed(): void {
    const { lost } = this.#lease;
    if (lost === undefined) return;
    throw new TurntableError("vm.busy", `the lease is lost: ${lost}`, {
      ...{ retry: "unsafe", next: "Run `pulumi up` again: it waits for whoever has it now." },
    });
  }

  /** At most one line an interval: much is told, little is shown. */
  progress(text: string): void {
    if (performance.now() - this.#toldAt < PROGRESS_INTERVAL_MS) return;
    this.#toldAt = performance.now();
    this.#narrator.progress(`${this.#title} ${text}`);
  }

  say(text: string): void {
    this.#narrator.info(`${this.#title} ${text}`);
  }

  warn(text: string): void {
    this.#narrator.warn(`${this.#title}: ${text}`);
  }

  /** The VM runs at its destination: only forward from here. */
  commit(): void {
    this.#undos.length = 0;
    this.#committed = true;
  }

  get committed(): boolean {
    return this.#committed;
  }

  /** Nobody knows yet which site has the VM: what was done stays, for the next `up` to ask again. */
  keepEverything(): void {
    this.#undos.length = 0;
    this.#unknown = true;
  }

  /** Takes everything back, newest first, and returns the error to throw: which stage, why, what is left, what to do. */
  async undo(thrown: unknown): Promise<TurntableError> {
    const left: string[] = [];
    // What it did may meanwhile be another's.
    if (this.#lease.lost !== undefined) this.#undos.length = 0;
    for (const { what, act } of this.#undos.splice(0).reverse()) {
      await act().catch((failure) => left.push(`${what} (${reasonOf(failure)})`));
    }
    const why = reasonOf(thrown);
    const next = thrown instanceof TurntableError ? thrown.next : "";
    if (this.#committed) return this.#unfinished(why, thrown);
    const failed = `${this.#title} failed in stage ${this.#current}: ${why.replace(next, "").trim()}`;
    const { lost } = this.#lease;
    if (this.#unknown || lost !== undefined || left.length > 0) {
      const where = this.#unknown
        ? "Which site has the VM is not known: nothing was taken back"
        : lost !== undefined
          ? "Nothing was taken back, since another controller may be at work"
          : "The VM runs where it was";
      const what = left.length > 0 ? `. Not taken back: ${left.join("; ")}` : "";
      return new TurntableError("move.failed", `${failed} ${where}${what}`, {
        ...{ retry: "unsafe", cause: thrown },
        next: "Run `pulumi up` again: it looks at both sites first and finishes the clearing up.",
      });
    }
    await this.#journal.note(this.#current, "undone").catch(() => undefined);
    await this.#journal.close().catch(() => undefined);
    return new TurntableError("move.failed", `${failed} Everything was taken back; the VM runs where it was`, {
      ...{ retry: thrown instanceof TurntableError ? thrown.retry : "safe", cause: thrown },
      next: `${next} Then run \`pulumi up\` again.`.trim(),
    });
  }

  #unfinished(why: string, cause: unknown): TurntableError {
    const message = `${this.#title}: the VM runs at its new site, but stage ${this.#current} did not finish: ${why}`;
    const next = "Run `pulumi up` again: it finishes what is left.";
    return new TurntableError("move.failed", message, { retry: "safe", next, cause });
  }
}
