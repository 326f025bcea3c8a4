import { TurntableError } from "../../errors.ts";
import type { Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";

/** What is on its way and not taken for so long is on no way: a guest's write may be waiting for it. */
const DEAD_MS = 4_000;
/** QEMU looks through a large disk before it copies the first byte, and a slow disk takes its time. */
const IDLE_MS = 20_000;
/** While there is progress nobody looks at the connection. */
const LOOK_AFTER_MS = 1_000;

/** Where the copy goes. */
export interface Remote {
  readonly address: string;
  readonly port: number;
}

/** Notices that a copy stands still, by what the far end's kernel has taken and not by how fast the path should be. */
export class StallWatch {
  readonly #source: Place;
  readonly #remote: Remote;
  #doneBytes = -1;
  #takenBytes: number | undefined;
  #movedAtMs = performance.now();

  constructor(source: Place, remote: Remote) {
    this.#source = source;
    this.#remote = remote;
  }

  /** Call it at each look at the copy. Rejects with hypervisor.failed after 4 s in which nothing that was sent was taken. */
  async see(vm: VmSpec, doneBytes: number, totalBytes: number): Promise<void> {
    if (doneBytes !== this.#doneBytes) this.#moved(doneBytes, undefined);
    if (this.#stillMs() < LOOK_AFTER_MS) return;
    const { takenBytes, waiting } = await this.#connection();
    this.#takenBytes ??= takenBytes;
    if (takenBytes !== this.#takenBytes) this.#moved(doneBytes, takenBytes);
    if (this.#stillMs() > (waiting ? DEAD_MS : IDLE_MS)) throw stalled(vm, this.#stillMs(), totalBytes - doneBytes);
  }

  #stillMs(): number {
    return performance.now() - this.#movedAtMs;
  }

  #moved(doneBytes: number, takenBytes: number | undefined): void {
    this.#doneBytes = doneBytes;
    this.#takenBytes = takenBytes;
    this.#movedAtMs = performance.now();
  }

  /** The kernel's account of the connections to the far end (ss(8)). */
  async #connection(): Promise<{ takenBytes: number; waiting: boolean }> {
    const { address, port } = this.#remote;
    const { stdout } = await this.#source.host.run(["ss", "-tinH", "dst", address, "dport", "=", `:${port}`]);
    const taken = [...stdout.matchAll(/bytes_acked:(\d+)/g)].map(([, bytes]) => Number(bytes));
    return { takenBytes: taken.reduce((sum, bytes) => sum + bytes, 0), waiting: /\b(unacked|notsent):/.test(stdout) };
  }
}

function stalled(vm: VmSpec, stillMs: number, leftBytes: number): TurntableError {
  const left = (leftBytes / 1e6).toFixed(1);
  const what = `the disk copy of ${vm.name} made no progress for ${Math.round(stillMs / 1000)} s with ${left} MB left`;
  return new TurntableError("hypervisor.failed", what, {
    ...{
      retry: "safe",
      next: "Look whether the lightpath passes frames from end to end; the VM goes on at the source.",
    },
  });
}
