import type { Inventory } from "../../../examples/lab/inventory.ts";
import { type DelayLine, openDelayLine } from "./delay-line.ts";
import type { BenchLab } from "./lab.ts";

type Reached = Pick<BenchLab, "inventory" | "pulumi">;

/**
 * Has `act` done by a controller that is `rttMs` of round trip away from everyone to whom it talks: the sshd of both sites
 * and of the gateway, and all domains' agents. Only the controller is: what the sites, the gateway and the agents tell each
 * other goes the lab's own ways, and so does whoever watches. What `act` places it must take away too: nobody is reached at
 * these ports after it.
 */
export async function fromAfar<Result>(
  bench: Pick<BenchLab, "inventory" | "changed">,
  rttMs: number,
  act: (reached: Reached) => Promise<Result>,
): Promise<Result> {
  const lines: DelayLine[] = [];
  const away = async (address: string, port: number): Promise<number> => {
    const line = await openDelayLine({ address, port }, rttMs / 2);
    lines.push(line);
    return line.port;
  };
  try {
    return await act(await bench.changed(await inventoryFrom(bench.inventory, away)));
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
}

/** Another loopback port for one of an address. */
type Away = (address: string, port: number) => Promise<number>;
type LabSite = Inventory["sites"]["ams"];

async function inventoryFrom({ sites, transit, gateway }: Inventory, away: Away): Promise<Partial<Inventory>> {
  return {
    sites: { ams: await siteFrom(sites.ams, away), san: await siteFrom(sites.san, away) },
    transit: await domainFrom(transit, away),
    gateway: await hostFrom(gateway, away),
  };
}

async function siteFrom(site: LabSite, away: Away): Promise<LabSite> {
  const hosts = await Promise.all(site.hosts.map((host) => hostFrom(host, away)));
  return { ...site, domain: await domainFrom(site.domain, away), hosts };
}

async function hostFrom<One extends { address: string; port: number }>(host: One, away: Away): Promise<One> {
  return { ...host, address: "127.0.0.1", port: await away(host.address, host.port) };
}

async function domainFrom<One extends { url: string }>(domain: One, away: Away): Promise<One> {
  const url = new URL(domain.url);
  const port = await away(url.hostname, Number(url.port));
  return { ...domain, url: `https://127.0.0.1:${port}` };
}
