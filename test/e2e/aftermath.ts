import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { DOMAINS, type DomainKey, domainName, SITES, type SiteName } from "../../examples/lab/layout.ts";
import { AaaClient } from "../../provider/aaa/client.ts";
import { grantDetails } from "../../provider/aaa/token.ts";
import { DracLightpath } from "../../provider/lightpath/drac/client.ts";
import { joinedPorts, traces, type World } from "./world.ts";

/** Domains may owe each other an end for some seconds after one of them came back. */
const SETTLING_MS = 20_000;

/** Everything that a move borrowed and nobody gave back, anywhere; empty if all is well, or becomes so in 20 s. */
export async function owed(here: World): Promise<string[]> {
  let found: string[] = [];
  for (const deadline = Date.now() + SETTLING_MS; Date.now() < deadline; await sleep(250)) {
    found = await owedNow(here);
    if (found.length === 0) return [];
  }
  return found;
}

/** The same at this moment. */
export async function owedNow(here: World): Promise<string[]> {
  return [
    ...(await joinedPorts(here)),
    ...(await liveConnections(here)),
    ...heldSegments(here),
    ...(await activeGrants(here)),
    ...liveTokens(here),
  ];
}

async function credentials({ inventory }: World) {
  const { callerId, callerKeyFile } = inventory.credentials;
  return { id: callerId, key: await readFile(callerKeyFile, "utf8") };
}

async function liveConnections(here: World): Promise<string[]> {
  const caller = await credentials(here);
  const lists = SITES.map(async (site) => {
    const drac = new DracLightpath(here.inventory.sites[site].domain, caller);
    try {
      const open = (await drac.list()).filter(({ state }) => state !== "terminated" && state !== "timed-out");
      return open.map(({ connectionId, state }) => `${site}: connection ${connectionId} ${state}`);
    } finally {
      await drac.close();
    }
  });
  return (await Promise.all(lists)).flat();
}

/** What each domain's own switch is taken for, transit's too, whom the caller cannot ask. */
function heldSegments(here: World): string[] {
  return DOMAINS.flatMap((domain) => {
    const select = "SELECT id, state FROM segments WHERE state NOT IN ('terminated', 'timed-out')";
    return rows(here, domain, select).map((row) => `${domain}: segment ${JSON.stringify(row)}`);
  });
}

async function activeGrants(here: World): Promise<string[]> {
  const caller = await credentials(here);
  const lists = SITES.map(async (site) => {
    const aaa = new AaaClient(here.inventory.sites[site].domain, caller);
    const ids = rows(here, site, "SELECT id FROM grants").map(({ id }) => String(id));
    try {
      const states = await Promise.all(ids.map(async (id) => ({ id, state: (await aaa.grantStatus(id))?.state })));
      return states.filter(({ state }) => state === "active").map(({ id }) => `${site}: grant ${id}`);
    } finally {
      await aaa.close();
    }
  });
  return (await Promise.all(lists)).flat();
}

/**
 * Where tokens would still be taken. They are signed and kept by nobody, so that none can be listed: one is good at each
 * domain on the way until its grant ends, or that domain itself has on record that it was revoked.
 */
function liveTokens(here: World): string[] {
  return SITES.flatMap((home) => {
    const grants = rows(here, home, "SELECT id, body FROM grants").map(({ id, body }) => ({
      id: String(id),
      ...grantDetails.parse(JSON.parse(String(body))),
    }));
    const going = grants.filter(({ window }) => Date.parse(window.end) > Date.now());
    return DOMAINS.flatMap((domain) => {
      const select = "SELECT grant_id FROM revocations WHERE home = ?";
      const revoked = new Set(rows(here, domain, select, domainName(home)).map((row) => row.grant_id));
      const taken = going.filter(({ domains }) => domain === home || domains.includes(domainName(domain)));
      return taken
        .filter(({ id }) => !revoked.has(id))
        .map(({ id }) => `${domain}: token under grant ${id} of ${home}`);
    });
  });
}

/** What a domain's store answers. */
export function rows(
  { lab }: World,
  domain: DomainKey | "relay",
  select: string,
  ...parameters: readonly string[]
): Record<string, unknown>[] {
  const database = new DatabaseSync(lab.path("domains", domain, "store.sqlite"), { readOnly: true });
  try {
    return database.prepare(select).all(...parameters);
  } finally {
    database.close();
  }
}

/** Everything of the VM's at a site but a replica: processes, devices, addresses, routes, files. */
export async function remains(here: World, site: SiteName): Promise<string> {
  const all = await traces(here);
  const folder = here.lab.storage(site);
  const files = (all.files ?? "").split("\n").filter((file) => file.startsWith(`${folder}/`));
  // A port that was up once has a queueless queue, one that never was has none: no difference to anybody.
  // A cable that was laid anew has another number.
  const seen = all[here.inventory.namespaces[site]]
    ?.replaceAll(/qdisc (noop|noqueue)/g, "no qdisc")
    .replaceAll(/@if\d+/g, "");
  return [seen, ...withoutReplica(files, `${folder}/${here.inventory.vm.name}`, here)].join("\n");
}

/** Where the VM once was, its disks' first layers and the record of them are meant to stay. */
function withoutReplica(files: readonly string[], folder: string, { inventory }: World): readonly string[] {
  if (!files.includes(`${folder}/replica.json`) || files.includes(`${folder}/vm.json`)) return files;
  const disks = inventory.vm.disks.map(({ name }) => `${folder}/${name}.qcow2`);
  const replica = [folder, `${folder}/replica.json`, ...disks];
  return files.filter((file) => !replica.includes(file));
}
