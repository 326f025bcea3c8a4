import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { z } from "zod";
import type { Element, Joint, Terminal } from "./element.ts";

const run = promisify(execFile);

const COMMAND_TIMEOUT_MS = 5_000;
const BRIDGE_PREFIX = "ttd-";
/** tbf must hold what arrives between two ticks of the kernel's clock, and never less than a 64 KiB GSO frame. */
const BURST_MS = 10;
const SMALLEST_BURST_BYTES = 256 * 1_024;
/** A deep queue would show as delay, a shallow one as loss, each time the sender is a little too fast. */
const QUEUE_MS = 100;

const counters = z.array(z.object({ stats64: z.object({ rx: z.object({ bytes: z.number() }) }) })).length(1);
const linkList = z.array(z.object({ ifname: z.string(), master: z.string().optional() }));

/**
 * A switch made of Linux network devices, in the agent's own network namespace: `devices[port][channel]`. Ports of `links`
 * face other domains: they are set up at the start and stay so, joined or not, so that it is seen whether they have carrier.
 */
export class LinuxElement implements Element {
  readonly #devices: Readonly<Record<string, readonly string[]>>;
  readonly #linkDevices: ReadonlyMap<string, Terminal>;
  /** Whose devices were gone at the last look. */
  readonly #gone = new Set<string>();

  constructor(devices: Readonly<Record<string, readonly string[]>>, links: readonly string[]) {
    this.#devices = devices;
    const channels = links.flatMap((port) =>
      (devices[port] ?? []).map((device, channel) => [device, { port, channel }] as const),
    );
    this.#linkDevices = new Map(channels);
  }

  async join(joint: Joint): Promise<void> {
    const bridge = bridgeOf(joint);
    const present = await links();
    for (const device of this.#devicesOf(joint)) if (present.get(device) !== bridge) await this.#free(device);
    if (!present.has(bridge)) {
      const quiet = ["stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"];
      await ip("link", "add", "name", bridge, "type", "bridge", ...quiet);
    }
    await silence(bridge);
    for (const device of this.#devicesOf(joint)) {
      await silence(device);
      await ip("link", "set", "dev", device, "mtu", String(joint.mtu), "master", bridge);
      await limit(device, joint.bandwidthMbps);
      await ip("link", "set", "dev", device, "up");
    }
    await ip("link", "set", "dev", bridge, "mtu", String(joint.mtu), "up");
  }

  async adjust(joint: Joint): Promise<void> {
    // The kernel changes a tbf's rate where it stands: what waits in it stays, and goes on at the new rate.
    for (const device of this.#devicesOf(joint)) await limit(device, joint.bandwidthMbps, "change");
  }

  async part(joint: Joint): Promise<void> {
    const present = await links();
    const bridge = bridgeOf(joint);
    // A device may serve a later connection by now.
    for (const device of this.#devicesOf(joint)) if (present.get(device) === bridge) await this.#free(device);
    if (present.has(bridge)) await ip("link", "del", "dev", bridge);
  }

  async restore(joints: readonly Joint[]): Promise<void> {
    const kept = new Map(joints.flatMap((joint) => this.#devicesOf(joint).map((device) => [device, bridgeOf(joint)])));
    const present = await links();
    const stale = new Set<string>();
    for (const device of Object.values(this.#devices).flat()) {
      if (!present.has(device)) continue;
      const master = present.get(device);
      if (master !== undefined && master !== kept.get(device)) stale.add(master);
      if (!kept.has(device)) await this.#free(device);
      if (this.#linkDevices.has(device)) await ip("link", "set", "dev", device, "up");
    }
    for (const joint of joints) await this.join(joint);
    for (const bridge of stale) if (bridge.startsWith(BRIDGE_PREFIX)) await ip("link", "del", "dev", bridge);
  }

  async carried(joint: Joint): Promise<number | undefined> {
    const came = this.#devicesOf(joint).map(async (device) => {
      const argv = ["-json", "-statistics", "link", "show", "dev", device];
      const { stdout } = await run("ip", argv, { timeout: COMMAND_TIMEOUT_MS });
      return counters.parse(JSON.parse(stdout))[0]?.stats64.rx.bytes ?? 0;
    });
    return await Promise.all(came).then(
      (bytes) => bytes.reduce((sum, one) => sum + one, 0),
      () => undefined,
    );
  }

  async dark(): Promise<readonly Terminal[]> {
    const looked = [...this.#linkDevices].map(async ([device, terminal]) => {
      const carrier = await carrierOf(device);
      if (carrier === "gone") this.#gone.add(device);
      // One that was put in again is down, which nobody but this switch changes.
      else if (this.#gone.delete(device)) await ip("link", "set", "dev", device, "up");
      return carrier === "there" ? [] : [terminal];
    });
    return (await Promise.all(looked)).flat();
  }

  /** In no bridge and without a limit; a site's port is down, a link's as it was. */
  async #free(device: string): Promise<void> {
    await ip("link", "set", "dev", device, "nomaster", ...(this.#linkDevices.has(device) ? [] : ["down"]));
    // Fails where there is no limit, which is what is wanted.
    await run("tc", ["qdisc", "del", "dev", device, "root"], { timeout: COMMAND_TIMEOUT_MS }).catch(() => undefined);
  }

  #devicesOf({ ends }: Joint): readonly string[] {
    return ends.map(({ port, channel }: Terminal) => {
      const device = this.#devices[port]?.[channel];
      if (device === undefined) throw new RangeError(`port ${port} has no device for channel ${channel}`);
      return device;
    });
  }
}

/** Within the kernel's 15 characters. */
function bridgeOf({ key }: Joint): string {
  return BRIDGE_PREFIX + createHash("sha256").update(key).digest("hex").slice(0, 10);
}

/** The namespace's devices, each with the bridge that it is in. */
async function links(): Promise<ReadonlyMap<string, string | undefined>> {
  const { stdout } = await run("ip", ["-json", "link", "show"], { timeout: COMMAND_TIMEOUT_MS });
  return new Map(linkList.parse(JSON.parse(stdout)).map(({ ifname, master }) => [ifname, master]));
}

/** One that is down has none that could be told. */
async function carrierOf(device: string): Promise<"there" | "none" | "gone"> {
  const folder = `/sys/class/net/${device}`;
  const carrier = await readFile(`${folder}/carrier`, "utf8").catch(() => "");
  if (carrier.trim() === "1") return "there";
  return existsSync(folder) ? "none" : "gone";
}

/** A switch has no address of its own and announces none. Fails where the kernel has no IPv6, where nothing is announced. */
async function silence(device: string): Promise<void> {
  await ip("link", "set", "dev", device, "addrgenmode", "none").catch(() => undefined);
}

async function limit(device: string, bandwidthMbps: number, how: "replace" | "change" = "replace"): Promise<void> {
  const bytesPerMs = (bandwidthMbps * 1_000) / 8;
  const burst = Math.max(SMALLEST_BURST_BYTES, Math.ceil(bytesPerMs * BURST_MS));
  const rate = ["rate", `${Math.ceil(bandwidthMbps * 1e6)}bit`, "burst", String(burst), "latency", `${QUEUE_MS}ms`];
  const argv = ["qdisc", how, "dev", device, "root", "tbf", ...rate];
  await run("tc", argv, { timeout: COMMAND_TIMEOUT_MS });
}

async function ip(...argv: readonly string[]): Promise<void> {
  await run("ip", [...argv], { timeout: COMMAND_TIMEOUT_MS });
}
