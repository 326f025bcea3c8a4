import { compose } from "../../provider/composition.ts";
import type { Narrator, Properties } from "../../provider/resource.ts";

const fingerprint = `SHA256:${"A".repeat(43)}`;
const domain = (name: string) => ({ name, url: "https://127.0.0.1:1", fingerprint });

/** A site as a program declares it, with every default left out. */
export function siteNamed(name: "ams" | "san", labels: Record<string, string> = {}): Properties {
  const net = name === "ams" ? "192.0.2" : "198.51.100";
  const host = {
    name: `${name}1`,
    address: "127.0.0.1",
    port: 1,
    hostKey: "ssh-ed25519 AAAA",
    storage: "/var/lib/turntable",
    lightpath: { address: `${net}.10`, devices: ["lp0"] },
    tunnel: { address: `${net}.2` },
  };
  const home = domain(`${name}.example`);
  return { name, domain: home, stp: `urn:ogf:network:${name}.example:2026:site`, hosts: [host], labels };
}

export const window = { start: "2026-01-01T00:00:00Z", end: "2026-01-02T00:00:00Z" };
const end = (name: "ams" | "san") => ({ name, stp: `urn:ogf:network:${name}.example:2026:site` });

export const grantDeclared: Properties = {
  between: [end("ams"), end("san")],
  bandwidthMbps: 900,
  window,
  vm: "radar",
  home: domain("ams.example"),
};

export const lightpathDeclared: Properties = {
  between: [
    { ...end("ams"), siteKey: "SHA256:a" },
    { ...end("san"), siteKey: "SHA256:s" },
  ],
  bandwidthMbps: 900,
  vm: "radar",
  grant: { id: "g1", jwt: "eyJ", home: domain("ams.example"), window },
};

export function placementAt(site: "ams" | "san", change: Properties = {}): Properties {
  return {
    name: "radar",
    image: { kernel: "/k", initrd: "/i" },
    disks: [{ name: "data", sizeMiB: 64 }],
    memoryMiB: 200,
    network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:00:00:01" },
    site,
    location: siteNamed(site, { jurisdiction: site === "ams" ? "NL" : "US" }),
    lightpath: { kind: "on-demand", bandwidthMbps: 900 },
    ...change,
  };
}

export const tunnelDeclared: Properties = {
  name: "clients",
  vm: "radar",
  vmId: "radar-0",
  mac: "52:54:00:00:00:01",
  site: "ams",
  host: {
    ...{ name: "ams1", address: "127.0.0.1", port: 1, hostKey: "ssh-ed25519 AAAA" },
    ...{ storage: "/var/lib/turntable", tunnel: { address: "192.0.2.2" } },
  },
  epoch: 1,
  gateway: {
    name: "gw",
    address: "127.0.0.1",
    hostKey: "ssh-ed25519 AAAA",
    storage: "/g",
    tunnel: { address: "203.0.113.2" },
  },
  address: "10.1.1.1/24",
  vni: 42,
};

/** A narrator that keeps what it was told. */
export function listener(): Narrator & { readonly lines: string[] } {
  const lines: string[] = [];
  const hear = (kind: string) => (line: string) => void lines.push(`${kind}: ${line}`);
  return { lines, info: hear("info"), warn: hear("warn"), progress: hear("progress") };
}

/** The real composition, with the given configuration. */
export function composed(settings: Record<string, string> = {}, narrator: Narrator = listener()) {
  return compose((key) => settings[key], narrator);
}
