import type { Host } from "../../host/host.ts";
import { segmentOf } from "../../host/segment.ts";

/** The VM's own bridge and tap at a host. Idempotent. */
export async function raiseSegment(host: Host, vm: string): Promise<void> {
  const { bridge, tap } = segmentOf(vm);
  const present = await devices(host);
  if (!present.has(bridge)) {
    await host.run(["ip", "link", "add", bridge, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0"]);
  }
  if (!present.has(tap)) await host.run(["ip", "tuntap", "add", "dev", tap, "mode", "tap"]);
  await host.run(["ip", "link", "set", bridge, "up"]);
  await host.run(["ip", "link", "set", tap, "master", bridge, "up"]);
}

/** Undo of raiseSegment; what is not there is fine. */
export async function razeSegment(host: Host, vm: string): Promise<void> {
  const { bridge, tap } = segmentOf(vm);
  const present = await devices(host);
  if (present.has(tap)) await host.run(["ip", "tuntap", "del", "dev", tap, "mode", "tap"]);
  if (present.has(bridge)) await host.run(["ip", "link", "del", bridge]);
}

async function devices(host: Host): Promise<ReadonlySet<string>> {
  const { stdout } = await host.run(["ip", "-o", "link", "show"]);
  return new Set([...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map((match) => match[1] ?? ""));
}
