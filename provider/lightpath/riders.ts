import { TurntableError } from "../errors.ts";

/**
 * Which VMs of this process use which connection, where the far side knows no VMs. One that nobody is known to use is used by
 * nobody else: moves of several processes share no path.
 */
export class Riders {
  readonly #aboard = new Map<string, Set<string>>();

  board(connectionId: string, vm: string): void {
    const aboard = this.#aboard.get(connectionId) ?? new Set();
    this.#aboard.set(connectionId, aboard.add(vm));
  }

  /** Whether nobody is left on it. */
  leave(connectionId: string, vm: string): boolean {
    const aboard = this.#aboard.get(connectionId);
    aboard?.delete(vm);
    return aboard === undefined || aboard.size === 0;
  }

  /** What others use is neither put out nor given back: throws domain.refused. */
  requireNoOther(connectionId: string, vm: string): void {
    const others = [...(this.#aboard.get(connectionId) ?? [])].filter((other) => other !== vm);
    if (others.length === 0) return;
    throw new TurntableError("domain.refused", `${connectionId} is used by ${others.join(", ")} too`, {
      retry: "safe",
      next: "Wait until their moves are over.",
    });
  }

  end(connectionId: string): void {
    this.#aboard.delete(connectionId);
  }
}
