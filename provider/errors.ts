/** What went wrong, as a closed set: a switch over it can be exhaustive. */
export type ErrorCode =
  | "input.invalid"
  | "credentials.missing"
  | "host.unreachable"
  | "host.key-mismatch"
  | "host.command-failed"
  | "host.prerequisite-missing"
  | "domain.unreachable"
  | "domain.refused"
  | "lightpath.failed"
  | "hypervisor.failed"
  | "vm.not-found"
  | "vm.doubled"
  | "vm.busy"
  | "tunnel.failed"
  | "move.failed";

/**
 * Whether doing the same again may help.
 * - `safe`: nothing was changed, or all of it was undone: run `pulumi up` again.
 * - `unsafe`: something is left behind that the message names.
 * - `never`: the same input will fail the same way.
 */
export type Retry = "safe" | "unsafe" | "never";

export interface ErrorDetails {
  readonly retry: Retry;
  /** What the reader should do now, as an imperative sentence. */
  readonly next: string;
  readonly cause?: unknown;
}

/** The one error type that leaves this package: what happened, to what, why, and what to do next. */
export class TurntableError extends Error {
  override readonly name = "TurntableError";
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly next: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails) {
    super(`${message} (${code}). ${details.next}`, { cause: details.cause });
    this.code = code;
    this.retry = details.retry;
    this.next = details.next;
  }
}

/** The text of anything that was thrown, without a stack. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
