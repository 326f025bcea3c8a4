import { mkdir, readFile, rm } from "node:fs/promises";
import { z } from "zod";
import { run } from "../../examples/lab/command.ts";
import { writeAtomically } from "../../examples/lab/files.ts";
import { bringUp } from "../../examples/lab/lab.ts";
import { type DomainKey, LIGHTPATH_ADDRESS, type SiteName } from "../../examples/lab/layout.ts";
import { policyFolder } from "../../examples/lab/policies.ts";
import { startDaemon } from "../../examples/lab/process.ts";
import { type DomainConfig, domainConfig } from "../../provider/domain/config.ts";
import { until } from "../breakage/until.ts";
import { inside, type World } from "./world.ts";

const PATIENCE_MS = 120_000;

/** Undoes what was broken. */
export type Mend = () => Promise<void>;

const processRecord = z.looseObject({ pid: z.int() });
const journal = z.looseObject({
  stages: z.array(z.object({ stage: z.string(), state: z.string() })),
  borrowed: z.object({ connection: z.string().optional() }),
});

/** The lab's own repair: whatever piece lacks or differs is made again. */
export async function repair({ lab }: World): Promise<void> {
  await bringUp(lab, () => undefined);
}

async function pidOf({ lab }: World, daemon: string): Promise<number> {
  return processRecord.parse(JSON.parse(await readFile(lab.path("run", `${daemon}.json`), "utf8"))).pid;
}

/** Stops one of the lab's processes where it is, and lets it go on. */
export async function pause(here: World, daemon: string): Promise<Mend> {
  const pid = await pidOf(here, daemon);
  process.kill(pid, "SIGSTOP");
  return async () => void process.kill(pid, "SIGCONT");
}

/** Ends one of the lab's processes for good: "agent-transit", "sshd-san". */
export async function kill(here: World, daemon: string): Promise<Mend> {
  process.kill(await pidOf(here, daemon), "SIGKILL");
  return () => repair(here);
}

/** How a command runs with the mounts of one of the lab's processes, and of all that it starts. */
export async function mountNamespaceOf(here: World, daemon: string): Promise<readonly string[]> {
  return ["nsenter", "-t", String(await pidOf(here, daemon)), "-m"];
}

/** What a site alone sees: no guest images, and storage as small as can be. */
export async function impoverish(here: World, site: SiteName): Promise<Mend> {
  const { lab } = here;
  const at = await mountNamespaceOf(here, `sshd-${site}`);
  const empty = lab.path("run", "empty");
  await mkdir(empty, { recursive: true });
  await run([...at, "mount", "--bind", empty, lab.path("images")]);
  await run([...at, "mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", lab.storage(site)]);
  return async () => {
    await run([...at, "umount", lab.storage(site)]);
    await run([...at, "umount", lab.path("images")]);
  };
}

/** A site has lost the disks that the VM left there: the next move brings them whole, which takes a while. */
export async function loseReplica({ lab, inventory }: World, site: SiteName): Promise<void> {
  await rm(`${lab.storage(site)}/${inventory.vm.name}`, { recursive: true, force: true });
}

/** Has a domain's policies allow less than a move asks for, while its agent runs. */
export async function lowerLimit(here: World, domain: DomainKey, maxBandwidthMbps: number): Promise<Mend> {
  const { lab } = here;
  const id = "limit";
  const policy = `@id("${id}") @reason("${maxBandwidthMbps} Mbps at most")
    forbid (principal, action, resource) when { context.bandwidthMbps > ${maxBandwidthMbps} };`;
  await writeAtomically(`${policyFolder(lab, domain)}/${id}.cedar`, policy);
  const inForce = async () => {
    const log = await readFile(lab.path("log", `agent-${domain}.log`), "utf8");
    const told = log.split("\n").filter((line) => line.includes("policies are in force"));
    return told.at(-1)?.includes(`"${id}"`) ?? false;
  };
  await inTime(`the policy ${id} of ${domain}`, inForce);
  return async () => {
    await repair(here);
    await inTime(`the end of the policy ${id} of ${domain}`, async () => !(await inForce()));
  };
}

/** Runs a domain's agent with another configuration, until the lab is repaired. */
export async function changeAgent(
  here: World,
  domain: DomainKey,
  change: (config: DomainConfig) => DomainConfig,
): Promise<void> {
  await runAgent(here, domain, here.lab.namespaces[`${domain}-switch`], change(await agentConfig(here, domain)));
}

/** What the lab has a domain's agent run with. */
export async function agentConfig({ lab }: World, domain: DomainKey): Promise<DomainConfig> {
  return domainConfig.parse(JSON.parse(await readFile(lab.path("domains", domain, "config.json"), "utf8")));
}

/** Runs a domain's agent, in place of the one that runs, if there is one. */
export async function runAgent({ lab }: World, domain: string, namespace: string, config: DomainConfig): Promise<void> {
  const changed = lab.path("domains", domain, "changed.json");
  await writeAtomically(changed, JSON.stringify(config));
  const argv = [process.execPath, new URL("../../provider/main.ts", import.meta.url).pathname, "domain"];
  const log = lab.path("log", `agent-${domain}.log`);
  const listening = async () => (await readFile(log, "utf8").catch(() => "")).includes("listening");
  const daemon = { name: `agent-${domain}`, argv: [...argv, "--config", changed], namespace, inputs: "changed" };
  await startDaemon(lab, daemon, listening);
}

/** A site answers no echo, on the path either. */
export async function silenceEcho({ lab }: World, site: SiteName): Promise<Mend> {
  const set = (value: string) =>
    inside(lab.namespaces[site], "sysctl", "-qw", `net.ipv4.icmp_echo_ignore_all=${value}`).then(() => undefined);
  await set("1");
  return () => set("0");
}

/** Takes the cables between a site and its domain's switch away. */
export async function unplug(here: World, site: SiteName): Promise<Mend> {
  for (const channel of [0, 1])
    await run(["ip", "-n", here.lab.namespaces[`${site}-switch`], "link", "del", `uni${channel}`]);
  return () => repair(here);
}

/** What goes into the long way no longer comes out, and no end of a path is told. */
export async function cut({ lab }: World): Promise<Mend> {
  const set = async (state: "up" | "down") => {
    for (const channel of [0, 1])
      await inside(lab.namespaces["transit-switch"], "ip", "link", "set", `east${channel}`, state);
  };
  await set("down");
  return () => set("up");
}

/** Waits for the journal of a move at a site to show something, then does what is to be done at once. */
export async function when(
  { lab, inventory }: World,
  site: SiteName,
  seen: (shown: z.output<typeof journal>) => boolean,
): Promise<void> {
  const file = `${lab.storage(site)}/${inventory.vm.name}/journal.json`;
  await inTime(`the journal at ${site}`, async () => {
    const text = await readFile(file, "utf8").catch(() => undefined);
    return text !== undefined && seen(journal.parse(JSON.parse(text)));
  });
}

/** Waits until the far end has taken some of the disks (the path's first connection) or of the memory (its second). */
export async function whenCopying({ lab }: World, from: SiteName, what: "disk" | "memory"): Promise<void> {
  const to = from === "ams" ? "san" : "ams";
  const query = ["ss", "-tinHO", "state", "established", "dst", LIGHTPATH_ADDRESS[to]];
  const copied = async () => {
    const connections = await inside(lab.namespaces[from], ...query);
    const taken = [...connections.matchAll(/bytes_acked:(\d+)/g)].filter(([, bytes]) => Number(bytes) > 2e6);
    return taken.length >= (what === "disk" ? 1 : 2);
  };
  // Each look is a process: more of them would take from the copy that is looked at.
  await until(`the copy of the ${what}`, copied, PATIENCE_MS, 25);
}

/** The near end of the disk's way, which the source's nbdkit is. */
export async function killNearEnd({ lab, inventory }: World, from: SiteName): Promise<void> {
  process.kill(Number(await readFile(`${lab.storage(from)}/${inventory.vm.name}/near-data.pid`, "utf8")), "SIGKILL");
}

/** A VM's QEMU at a site; the lab's if none is named. */
export async function killHypervisor(
  { lab, inventory }: World,
  site: SiteName,
  vm: string = inventory.vm.name,
): Promise<void> {
  process.kill(Number(await readFile(`${lab.storage(site)}/${vm}/qemu.pid`, "utf8")), "SIGKILL");
}

async function inTime(what: string, there: () => Promise<boolean>): Promise<void> {
  await until(what, there, PATIENCE_MS, 5);
}
