import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect } from "vitest";
import { z } from "zod";
import { type ConfigFile, makeTestbed, NAMES, type Name, type Testbed, TOPOLOGY } from "./testbed.ts";

const run = promisify(execFile);
const repository = new URL("../..", import.meta.url).pathname;

/** One channel each way: a device per port of each switch. */
const DEVICES: Record<string, Record<string, string[]>> = {
  "ams.example": { host: ["a-uni0"], east: ["a-east0"] },
  "transit.example": { west: ["t-west0"], east: ["t-east0"] },
  "san.example": { west: ["s-west0"], host: ["s-uni0"] },
};
const CABLES = [
  ["a-east0", "t-west0"],
  ["t-east0", "s-west0"],
] as const;
const SITES = [
  { site: "ams", uni: "a-uni0", address: "192.0.2.1/24" },
  { site: "san", uni: "s-uni0", address: "192.0.2.2/24" },
] as const;

const answer = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);

const paced = z.strictObject({ received: z.int(), missing: z.int(), longestPauseMs: z.number() });
export type Paced = z.output<typeof paced>;

/** A process, and what it says line by line. */
interface Spoken {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: AsyncIterableIterator<string, undefined>;
}

/** Two sites and the switches between them, in namespaces of their own; the three agents run where the switches are. */
export class Switchyard {
  readonly #name = `ttd${randomBytes(3).toString("hex")}`;
  readonly #processes: ChildProcessWithoutNullStreams[] = [];
  readonly #agents = new Map<Name, Spoken>();
  #client: Spoken | undefined;
  #bed: Testbed | undefined;

  async start(): Promise<void> {
    await this.#lay();
    this.#bed = await makeTestbed((config: ConfigFile) => ({
      ...config,
      topology: {
        stps: TOPOLOGY.stps.map((stp) => ({ ...stp, channels: 1 })),
        links: TOPOLOGY.links.filter(({ id }) => id !== "far").map((link) => ({ ...link, channels: 1 })),
      },
      element: { driver: "linux", devices: DEVICES[config.domain] ?? {} },
    }));
    for (const name of NAMES) await this.#startAgent(name);
    const { records, clients } = this.#bed;
    const parameters = JSON.stringify({ domain: records["ams.example"], caller: clients.alice });
    this.#client = this.#spawn(["node", `${repository}test/domain/namespace-client.ts`]);
    this.#client.child.stdin.write(`${parameters}\n`);
  }

  /** Resolves once it says that it listens. */
  async #startAgent(name: Name): Promise<void> {
    const config = this.#bed?.configFile(name) ?? "";
    const agent = this.#spawn(["node", `${repository}provider/main.ts`, "domain", "--config", config]);
    this.#agents.set(name, agent);
    const { value } = await agent.lines.next();
    if (!value?.endsWith("listening")) throw new Error(`${name} ended before it listened`);
  }

  /** Ends an agent, does something meanwhile, and starts it again. */
  async restartAgent(name: Name, meanwhile: () => Promise<void>): Promise<void> {
    const agent = this.#agents.get(name);
    agent?.child.kill("SIGTERM");
    if (agent) expect(await ended(agent.child)).toBe(0);
    await meanwhile();
    await this.#startAgent(name);
  }

  /** Takes a device of the switches out of its bridge, as someone at the switch might. */
  async unplug(device: string): Promise<void> {
    await this.#in("sw", ["ip", "link", "set", "dev", device, "nomaster", "down"]);
  }

  /** Sets a device of the switches down or up again. */
  async set(device: string, state: "down" | "up"): Promise<void> {
    await this.#in("sw", ["ip", "link", "set", "dev", device, state]);
  }

  /** Takes the cable between transit and san away, or lays it anew: then both ends are down. */
  async cable(what: "cut" | "laid"): Promise<void> {
    const [one, other] = CABLES[1];
    if (what === "cut") await this.#in("sw", ["ip", "link", "del", "dev", one]);
    else await this.#layCable(one, other);
  }

  /** Asks a client in the switches' namespace: an operation of its own, see namespace-client.ts. */
  async ask(operation: string, ...parameters: string[]): Promise<unknown> {
    const client = this.#client;
    if (client === undefined) throw new Error("not started");
    client.child.stdin.write(`${JSON.stringify([operation, ...parameters])}\n`);
    const { value } = await client.lines.next();
    const said = answer.parse(JSON.parse(value ?? '{"ok":false,"error":"the client ended"}'));
    if (said.ok) return said.value;
    throw new Error(said.error);
  }

  /** Frames that reached a site's port since it was made. */
  async framesAt(site: "ams" | "san"): Promise<number> {
    const { stdout } = await this.#in(site, ["ip", "-json", "-stats", "link", "show", "dev", "lp0"]);
    const [link] = z
      .tuple([z.object({ stats64: z.object({ rx: z.object({ packets: z.number() }) }) })])
      .parse(JSON.parse(stdout));
    return link.stats64.rx.packets;
  }

  /** Whether ams gets an answer from san over the lightpath within a second, tried every 0.2 s. */
  async answers(): Promise<boolean> {
    const ping = ["ping", "-n", "-c", "1", "-i", "0.2", "-w", "1", "192.0.2.2"];
    return await this.#in("ams", ping).then(
      () => true,
      () => false,
    );
  }

  /** Mbit/s that a TCP stream of `seconds` brings from ams to san. */
  async throughput(seconds: number): Promise<number> {
    const source = `${repository}test/domain/stream.py`;
    const sink = this.#spawn(["python3", source, "receive", "192.0.2.2"], "san");
    await sink.lines.next();
    await this.#in("ams", ["python3", source, "send", "192.0.2.2", String(seconds)]);
    return Number((await sink.lines.next()).value);
  }

  /** A datagram every 2 ms from ams to san, for so many seconds: how many came, how many did not, the longest time between two. */
  async paced(seconds: number): Promise<Paced> {
    const source = `${repository}test/domain/paced.py`;
    const ear = this.#spawn(["python3", source, "receive", "192.0.2.2"], "san");
    await ear.lines.next();
    await this.#in("ams", ["python3", source, "send", "192.0.2.2", String(seconds)]);
    return paced.parse(JSON.parse((await ear.lines.next()).value ?? ""));
  }

  /** Pings from ams to san, so many seconds apart for so many seconds: which of them got no answer, or none in turn. */
  async pings(everySeconds: number, seconds: number): Promise<{ lost: number; reordered: number }> {
    const ping = ["ping", "-n", "-i", String(everySeconds), "-w", String(seconds), "192.0.2.2"];
    const { stdout } = await this.#in("ams", ping);
    const [sent = 0, received = 0] = (/(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [])
      .slice(1)
      .map(Number);
    const order = [...stdout.matchAll(/icmp_seq=(\d+)/g)].map(([, number]) => Number(number));
    if (sent < seconds / everySeconds / 2) throw new Error(`only ${sent} pings were sent`);
    // The last one's answer may be on its way when time is up.
    const lost = sent - received - (order.at(-1) === sent - 1 ? 1 : 0);
    return { lost, reordered: order.filter((number, index) => number < (order[index - 1] ?? 0)).length };
  }

  /** Devices of the switches, each with its bridge, and whether it is up. */
  async switches(): Promise<{ name: string; master: string | undefined; up: boolean }[]> {
    const { stdout } = await this.#in("sw", ["ip", "-json", "link", "show"]);
    const links = z.array(z.object({ ifname: z.string(), master: z.string().optional(), flags: z.array(z.string()) }));
    return links
      .parse(JSON.parse(stdout))
      .filter(({ ifname }) => ifname !== "lo")
      .map(({ ifname, master, flags }) => ({ name: ifname, master, up: flags.includes("UP") }));
  }

  async end(): Promise<void> {
    for (const process of this.#processes) process.kill("SIGTERM");
    await Promise.all(this.#processes.map((process) => ended(process)));
    await Promise.all(
      ["sw", "ams", "san"].map((role) => run("ip", ["netns", "del", this.#namespace(role)]).catch(() => undefined)),
    );
    await this.#bed?.remove();
  }

  async #lay(): Promise<void> {
    for (const role of ["sw", "ams", "san"]) await run("ip", ["netns", "add", this.#namespace(role)]);
    const sw = this.#namespace("sw");
    await run("ip", ["-n", sw, "link", "set", "lo", "up"]);
    for (const [one, other] of CABLES) await this.#layCable(one, other);
    for (const { site, uni, address } of SITES) {
      const host = this.#namespace(site);
      const peer = ["peer", "name", "lp0", "netns", host, "mtu", "9000"];
      await run("ip", ["-n", sw, "link", "add", uni, "mtu", "9000", "type", "veth", ...peer]);
      await run("ip", ["-n", host, "address", "add", address, "dev", "lp0"]);
      await run("ip", ["-n", host, "link", "set", "lp0", "up"]);
    }
  }

  async #layCable(one: string, other: string): Promise<void> {
    const peer = ["peer", "name", other, "mtu", "9000"];
    await this.#in("sw", ["ip", "link", "add", one, "mtu", "9000", "type", "veth", ...peer]);
  }

  #namespace(role: string): string {
    return `${this.#name}-${role}`;
  }

  async #in(role: string, argv: readonly string[]) {
    return await run("ip", ["netns", "exec", this.#namespace(role), ...argv]);
  }

  #spawn(argv: readonly string[], role = "sw"): Spoken {
    const [command = "", ...rest] = argv[0] === "node" ? [process.execPath, ...argv.slice(1)] : argv;
    const child = spawn("ip", ["netns", "exec", this.#namespace(role), command, ...rest]);
    child.stderr.resume();
    this.#processes.push(child);
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  }
}

async function ended(child: ChildProcessWithoutNullStreams): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
  return child.exitCode;
}
