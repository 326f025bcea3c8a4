import type { Hosts } from "./context.ts";
import type { Host } from "./host/host.ts";
import type { HostRecord } from "./host/record.ts";

export interface HostPool extends Hosts {
  /** Closes every connection; the next `open` makes a new one. */
  close(): Promise<void>;
}

/** Shares connections between all who ask for the same user at the same address with the same pinned key. */
export function hostPool(connect: (record: HostRecord) => Promise<Host>): HostPool {
  const opened = new Map<string, Promise<Host>>();

  function open(record: HostRecord): Promise<Host> {
    const key = JSON.stringify([record.user, record.address, record.port, record.hostKey]);
    const known = opened.get(key);
    if (known !== undefined) return known;
    const connecting = connect(record);
    opened.set(key, connecting);
    // A failure is not kept: the next to ask tries again.
    connecting.catch(() => opened.delete(key));
    return connecting;
  }

  async function close(): Promise<void> {
    const all = [...opened.values()];
    opened.clear();
    await Promise.all(all.map((connecting) => connecting.then((host) => host.close()).catch(() => undefined)));
  }

  return { open, close };
}
