import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { type Inventory, inventory } from "../../examples/lab/inventory.ts";
import { bringUp, takeDown } from "../../examples/lab/lab.ts";
import { type Lab, REPOSITORY, SITES } from "../../examples/lab/layout.ts";
import { inventoryFile } from "../../examples/lab/publish.ts";
import { DracLightpath } from "../../provider/lightpath/drac/client.ts";
import type { Connection } from "../../provider/lightpath/lightpath.ts";
import { ownLab } from "./lab.ts";

const run = promisify(execFile);

/** How long what is left may need to be gone: processes end, and files with them, a moment after the CLI does. */
export const SETTLING = { timeout: 20_000, interval: 500 };

/** The tests' lab, seen from outside. */
export interface World {
  readonly lab: Lab;
  readonly inventory: Inventory;
  /** What a shell needs for the CLI and the lab's stack. */
  readonly environment: Readonly<Record<string, string>>;
  /** The CLI at the repository's root, with the lab's stack. */
  readonly pulumi: PulumiCli;
}

/** This file's own lab, built or repaired if need be; anew if a file that failed left a VM's files at a site. */
export async function world(): Promise<World> {
  const lab = await ownLab();
  const left = await Promise.all(SITES.map((site) => readdir(lab.storage(site)).catch(() => [])));
  if (left.flat().length > 0) await takeDown(lab, () => undefined);
  await bringUp(lab, () => undefined);
  const text = await readFile(inventoryFile(lab), "utf8");
  const environment = shellEnvironment(lab);
  const pulumi = new PulumiCli(REPOSITORY, environment, false);
  return { lab, inventory: inventory.parse(JSON.parse(text)), environment, pulumi };
}

/** A command's output inside a namespace. */
export async function inside(namespace: string, ...argv: readonly string[]): Promise<string> {
  const { stdout } = await run("ip", ["netns", "exec", namespace, ...argv], { maxBuffer: 1 << 26 });
  return stdout;
}

/** Switch ports that are joined to another: none, while nothing is lit. */
export async function joinedPorts({ inventory: { namespaces } }: World): Promise<string[]> {
  const { amsSwitch, transitSwitch, sanSwitch } = namespaces;
  const found = await Promise.all(
    [amsSwitch, transitSwitch, sanSwitch].map(async (name) => {
      const links = await inside(name, "ip", "-o", "link", "show");
      return links.split("\n").filter((line) => / master /.test(line));
    }),
  );
  return found.flat();
}

/**
 * Whether a frame put on ams's lightpath ports comes out at san's. The sites' own ports are up while it is tried, so
 * that nothing but the domains' switches can stop it.
 */
export async function framesPass({ inventory: { namespaces, sites } }: World): Promise<boolean> {
  const devices = sites.san.hosts[0]?.lightpath.devices ?? [];
  const set = async (state: "up" | "down") => {
    for (const name of [namespaces.ams, namespaces.san]) {
      for (const device of devices) await inside(name, "ip", "link", "set", device, state);
    }
  };
  await set("up");
  try {
    const listen = inside(namespaces.san, "python3", "-c", LISTEN, ...devices);
    await inside(namespaces.ams, "python3", "-c", SEND, ...devices);
    return (await listen).trim() === "heard";
  } finally {
    await set("down");
  }
}

const ETHERTYPE = "0x88b5";
const LISTEN = `
import select, socket, sys, time
def ear(device):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(${ETHERTYPE}))
    one.bind((device, ${ETHERTYPE}))
    return one
def heard(one):
    try:
        return b"knock" in one.recv(2048)
    except OSError:
        return False
ears = [ear(device) for device in sys.argv[1:]]
end = time.monotonic() + 2.5
found = False
while not found and time.monotonic() < end:
    found = any([heard(one) for one in select.select(ears, [], [], 0.1)[0]])
print("heard" if found else "silence")
`;
const SEND = `
import socket, sys, time
for _ in range(15):
    for device in sys.argv[1:]:
        mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        mouth.bind((device, 0))
        try:
            mouth.send(b"\\xff" * 6 + b"\\x02turnt" + (${ETHERTYPE}).to_bytes(2, "big") + b"knock" * 10)
        except OSError:
            pass
    time.sleep(0.1)
`;

/** Connections that a domain still holds, reserves or provisions for the lab's caller. */
export async function liveConnections({ inventory: { sites, credentials } }: World): Promise<Connection[]> {
  const caller = { id: credentials.callerId, key: await readFile(credentials.callerKeyFile, "utf8") };
  const found = await Promise.all(
    [sites.ams.domain, sites.san.domain].map(async (domain) => {
      const lightpath = new DracLightpath(domain, caller);
      return await lightpath.list().finally(() => lightpath.close());
    }),
  );
  return found.flat().filter(({ state }) => ["held", "reserved", "provisioned"].includes(state));
}

/** Everything at a site or gateway that a program could leave behind: processes, files, devices, forwarding entries. */
export async function traces({ inventory, lab }: World): Promise<Record<string, string>> {
  const { ams, san, gateway } = inventory.namespaces;
  const entries = await Promise.all(
    [ams, san, gateway].map(async (name) => {
      const processes = await inside(name, "sh", "-c", PROCESSES, name);
      const links = (await inside(name, "ip", "-o", "link", "show"))
        .replaceAll(/^\d+: /gm, "")
        .replaceAll(/ state .*/g, "")
        // A device has no queue, by another name, until it is up for the first time.
        .replaceAll("qdisc noop", "qdisc noqueue");
      const addresses = (await inside(name, "ip", "-o", "address", "show")).replaceAll(/^\d+: /gm, "");
      const routes = await inside(name, "ip", "route", "show", "table", "all");
      const forwarding = await inside(name, "bridge", "fdb", "show");
      const filters = await inside(name, "nft", "list", "ruleset");
      return [name, [processes, links, addresses, routes, forwarding, filters].join("---\n")] as const;
    }),
  );
  const folders = [lab.path("ams"), lab.path("san"), lab.path("gw")];
  const { stdout: files } = await run("find", [...folders, "-ignore_readdir_race", "-mindepth", "1"]);
  return { ...Object.fromEntries(entries), files: files.split("\n").sort().join("\n") };
}

/** What was run over a connection ends a moment after it: the traces once they no longer change. */
export async function settledTraces(here: World): Promise<Record<string, string>> {
  let last = await traces(here);
  for (let tries = 0; tries < 20; tries++) {
    await sleep(1_000);
    const now = await traces(here);
    if (JSON.stringify(now) === JSON.stringify(last)) return now;
    last = now;
  }
  throw new Error("the sites do not come to rest");
}

/** Names of the processes in a namespace, but for those of connections that come and go, and of the tests' own probes. */
const PROCESSES = `ip netns pids "$0" | xargs -r ps -o args= -p | grep -vE "^(sh|ip|xargs|ps|grep|sort)( |$)|sshd: |/lab/probe/|<defunct>" | sort`;
