import { alone } from "./alone.ts";
import { attempt, ipBatch, run } from "./command.ts";
import type { Lab, Role } from "./layout.ts";
import { listNamespaces } from "./network.ts";
import type { Piece } from "./piece.ts";

type Setting = readonly [key: string, value: string];

const WITHOUT_IPV6: readonly Setting[] = [
  ["net.ipv6.conf.all.disable_ipv6", "1"],
  ["net.ipv6.conf.default.disable_ipv6", "1"],
];
/** TCP for a long fat path: windows of 128 MB, and no deep send queue that would add to a blackout. */
const LONG_FAT_TCP: readonly Setting[] = [
  ["net.ipv4.tcp_rmem", "4096 131072 134217728"],
  ["net.ipv4.tcp_wmem", "4096 131072 134217728"],
  ["net.ipv4.tcp_slow_start_after_idle", "0"],
  ["net.ipv4.tcp_notsent_lowat", "262144"],
  ["net.ipv4.tcp_no_metrics_save", "1"],
];

/** The namespaces, with their kernel settings: only the router and the gateway forward. */
export function namespacesPiece(lab: Lab): Piece {
  const wanted = Object.entries(lab.namespaces).map(([role, name]) => ({ name, settings: settingsOf(role) }));
  return {
    name: "namespaces",
    purpose: `${wanted.length} network namespaces ${lab.description.name}-…, none with a way out of the machine`,
    async inspect() {
      const present = await listNamespaces();
      const absent = wanted.filter(({ name }) => !present.has(name)).map(({ name }) => name);
      if (absent.length > 0) return `missing: ${absent.join(", ")}`;
      const unset = await unsetNamespaces(wanted);
      return unset.length === 0 ? undefined : `not set up: ${unset.map(({ name }) => name).join(", ")}`;
    },
    async make() {
      const present = await listNamespaces();
      // The machine's first namespace has the folder of their names mounted.
      await alone(() =>
        ipBatch(wanted.filter(({ name }) => !present.has(name)).map(({ name }) => `netns add ${name}`)),
      );
      await Promise.all((await unsetNamespaces(wanted)).map(setUp));
    },
  };
}

interface Wanted {
  readonly name: string;
  readonly settings: readonly Setting[];
}

function settingsOf(role: string): readonly Setting[] {
  const forwarding: readonly Role[] = ["core", "gateway"];
  const sites: readonly Role[] = ["ams", "san"];
  const forwards = forwarding.some((candidate) => candidate === role);
  const isSite = sites.some((candidate) => candidate === role);
  return [...WITHOUT_IPV6, ["net.ipv4.ip_forward", forwards ? "1" : "0"], ...(isSite ? LONG_FAT_TCP : [])];
}

async function unsetNamespaces(wanted: readonly Wanted[]): Promise<readonly Wanted[]> {
  const checks = await Promise.all(wanted.map(async (one) => ({ one, ok: await isSetUp(one) })));
  return checks.filter(({ ok }) => !ok).map(({ one }) => one);
}

async function isSetUp({ name, settings }: Wanted): Promise<boolean> {
  const loopback = await attempt(["ip", "-n", name, "link", "show", "dev", "lo", "up"]);
  if (!loopback.stdout.includes("lo")) return false;
  const { stdout } = await attempt(["ip", "netns", "exec", name, "sysctl", "-e", ...settings.map(([key]) => key)]);
  const found = new Map(stdout.split("\n").map((line) => splitSetting(line)));
  // A key that this kernel does not have (IPv6 left out) has nothing to be set.
  return settings.every(([key, value]) => (found.get(key) ?? value) === value);
}

function splitSetting(line: string): Setting {
  const [key = "", value = ""] = line.split(" = ");
  return [key, value.split(/\s+/).join(" ")];
}

async function setUp({ name, settings }: Wanted): Promise<void> {
  const assignments = settings.map(([key, value]) => `${key}=${value}`);
  await run(["ip", "netns", "exec", name, "sysctl", "-e", "-q", "-w", ...assignments]);
  await run(["ip", "-n", name, "link", "set", "lo", "up"]);
}
