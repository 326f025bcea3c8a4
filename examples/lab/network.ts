import { z } from "zod";
import { attempt, run } from "./command.ts";

const device = z.looseObject({
  ifname: z.string(),
  mtu: z.int(),
  flags: z.array(z.string()),
  addr_info: z.array(z.looseObject({ local: z.string().optional(), prefixlen: z.int().optional() })).default([]),
});

/** A network device as the kernel shows it. */
export interface Device {
  readonly mtu: number;
  readonly isUp: boolean;
  /** "192.0.2.10/25". */
  readonly addresses: readonly string[];
}

/** One end of a virtual cable. */
export interface End {
  readonly namespace: string;
  readonly device: string;
}

export interface Cable {
  readonly ends: readonly [End, End];
  readonly mtu: number;
}

/** The named network namespaces of this machine. */
export async function listNamespaces(): Promise<ReadonlySet<string>> {
  const text = await run(["ip", "-j", "netns", "list"]);
  const parsed = z.array(z.looseObject({ name: z.string() })).parse(text.trim() === "" ? [] : JSON.parse(text));
  return new Set(parsed.map((entry) => entry.name));
}

/** The devices of a namespace by name; none if the namespace is not there. */
export async function devicesOf(namespace: string): Promise<ReadonlyMap<string, Device>> {
  const outcome = await attempt(["ip", "-n", namespace, "-j", "addr", "show"]);
  if (outcome.code !== 0) return new Map();
  const found = z.array(device).parse(JSON.parse(outcome.stdout));
  return new Map(found.map((entry) => [entry.ifname, deviceFrom(entry)]));
}

function deviceFrom(entry: z.output<typeof device>): Device {
  return {
    mtu: entry.mtu,
    isUp: entry.flags.includes("UP"),
    addresses: entry.addr_info.map((address) => `${address.local}/${address.prefixlen}`),
  };
}

/** The devices of several namespaces, looked at once. */
export async function survey(namespaces: Iterable<string>): Promise<(end: End) => Device | undefined> {
  const names = [...new Set(namespaces)];
  const found = new Map(await Promise.all(names.map(async (name) => [name, await devicesOf(name)] as const)));
  return (end) => found.get(end.namespace)?.get(end.device);
}

/** The cables of which an end is missing or has another MTU. */
export async function brokenCables(cables: readonly Cable[]): Promise<readonly Cable[]> {
  const look = await survey(cables.flatMap((cable) => cable.ends.map((end) => end.namespace)));
  return cables.filter((cable) => cable.ends.some((end) => look(end)?.mtu !== cable.mtu));
}

/** Commands for `ip -batch` that lay a cable anew, in place of what is left of it. Both ends are born in their namespaces. */
export async function layCable(cable: Cable): Promise<string> {
  const [a, b] = cable.ends;
  for (const end of cable.ends) await attempt(["ip", "-n", end.namespace, "link", "delete", end.device]);
  const side = (end: End): string => `name ${end.device} mtu ${cable.mtu} netns ${end.namespace}`;
  return `link add ${side(a)} type veth peer ${side(b)}`;
}

export function describeEnd(end: End): string {
  return `${end.device} in ${end.namespace}`;
}
