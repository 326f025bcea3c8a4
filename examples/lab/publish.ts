import { readFile } from "node:fs/promises";
import { certificateFingerprint } from "../../provider/aaa/domain-record.ts";
import { readIfThere, writeAtomically } from "./files.ts";
import { GUEST_COMMAND_LINE, type Guest } from "./guest/build.ts";
import { readGuest } from "./image.ts";
import { type Inventory, inventory } from "./inventory.ts";
import { CALLER_ID, keyFiles, sshPublicKey } from "./keys.ts";
import {
  CHANNELS,
  type DomainKey,
  domainName,
  type Lab,
  LIGHTPATH_ADDRESS,
  routedAddress,
  type ServerName,
  type SiteName,
  stpOf,
} from "./layout.ts";
import type { Piece } from "./piece.ts";

const LABELS: Record<SiteName, Record<string, string>> = {
  ams: { city: "Amsterdam", jurisdiction: "eu" },
  san: { city: "San Diego", jurisdiction: "us" },
};

/** The file that tells programs all they need to know of the lab. */
export function inventoryPiece(lab: Lab): Piece {
  return {
    name: "inventory",
    purpose: `${inventoryFile(lab)}, which TURNTABLE_LAB names, tells programs where everything is`,
    async inspect() {
      const guest = await readGuest(lab);
      if (guest === undefined) return "not written: there is no guest yet";
      const wanted = render(await inventoryOf(lab, guest));
      return (await readIfThere(inventoryFile(lab))) === wanted ? undefined : "absent or out of date";
    },
    async make() {
      const guest = await readGuest(lab);
      if (guest !== undefined) await writeAtomically(inventoryFile(lab), render(await inventoryOf(lab, guest)));
    },
  };
}

export function inventoryFile(lab: Lab): string {
  return lab.path("lab.json");
}

function render(content: Inventory): string {
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

async function inventoryOf(lab: Lab, guest: Guest): Promise<Inventory> {
  const files = keyFiles(lab);
  const { namespaces, description } = lab;
  return inventory.parse({
    schema: 1,
    directory: description.directory,
    span: description.span,
    sites: { ams: await siteOf(lab, "ams"), san: await siteOf(lab, "san") },
    transit: await domainOf(lab, "transit"),
    gateway: { ...(await hostOf(lab, "gateway")), tunnel: { address: routedAddress("gateway") } },
    credentials: { sshKeyFile: files.controller, callerId: CALLER_ID, callerKeyFile: files.caller },
    vm: {
      name: "turntable-vm",
      image: { kernel: guest.kernel, initrd: guest.initrd, commandLine: GUEST_COMMAND_LINE },
      disks: [{ name: "data", sizeMiB: 1024, image: guest.disk }],
      memoryMiB: 200,
      vcpus: 1,
      network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:10:01:02" },
    },
    tunnel: { vni: 42, gatewayAddress: "10.1.1.1/24" },
    namespaces: {
      ams: namespaces.ams,
      san: namespaces.san,
      amsSwitch: namespaces["ams-switch"],
      transitSwitch: namespaces["transit-switch"],
      sanSwitch: namespaces["san-switch"],
      gateway: namespaces.gateway,
      client: namespaces.client,
    },
  } satisfies Inventory);
}

async function siteOf(lab: Lab, site: SiteName): Promise<Inventory["sites"][SiteName]> {
  const host = {
    ...(await hostOf(lab, site)),
    hypervisor: "qemu" as const,
    accelerator: "tcg" as const,
    lightpath: { address: LIGHTPATH_ADDRESS[site], devices: CHANNELS.map((channel) => `lp${channel}`) },
    tunnel: { address: routedAddress(site) },
  };
  return { name: site, domain: await domainOf(lab, site), stp: stpOf(site), hosts: [host], labels: LABELS[site] };
}

async function hostOf(lab: Lab, server: ServerName) {
  return {
    name: server === "gateway" ? "gateway" : `${server}-1`,
    address: "127.0.0.1",
    port: lab.description.ports[server],
    user: "root",
    hostKey: await sshPublicKey(keyFiles(lab).host(server)),
    storage: lab.storage(server),
  };
}

async function domainOf(lab: Lab, domain: DomainKey): Promise<Inventory["transit"]> {
  return {
    name: domainName(domain),
    url: `https://127.0.0.1:${lab.description.ports.agents[domain]}`,
    fingerprint: certificateFingerprint(await readFile(keyFiles(lab).certificate(domain), "utf8")),
  };
}
