import { z } from "zod";
import type { Context } from "../../context.ts";
import { reasonOf, TurntableError } from "../../errors.ts";
import type { Host } from "../../host/host.ts";
import { hostKeyFingerprint } from "../../host/host-key.ts";
import type { HypervisorHostRecord } from "../../host/record.ts";

/** What stays true of a host from one refresh to the next; memory is what is built in, not what is free. */
export const hostFacts = z.object({
  name: z.string(),
  cpus: z.int(),
  threads: z.int(),
  memoryMiB: z.int(),
  hypervisor: z.string(),
  version: z.string(),
  accelerator: z.enum(["kvm", "tcg"]),
  /** SHA-256 of the pinned host key, as ssh-keygen prints it. */
  fingerprint: z.string(),
});

export type HostFacts = z.output<typeof hostFacts>;

/** What became of looking at a host. Not reached and lacking something are different answers. */
export type Examination =
  | { readonly kind: "ready"; readonly facts: HostFacts }
  | { readonly kind: "lacking"; readonly facts: HostFacts; readonly missing: readonly string[] }
  | { readonly kind: "unreachable"; readonly reason: string };

const links = z.array(
  z.object({ ifname: z.string(), addr_info: z.array(z.object({ local: z.string().optional() })).default([]) }),
);

async function missingNetwork(host: Host, record: HypervisorHostRecord): Promise<string[]> {
  const listed = await host.run(["ip", "-json", "address", "show"], { allowFailure: true });
  if (listed.code !== 0) return ["the network devices cannot be listed (`ip -json address show` fails)"];
  const found = links.parse(JSON.parse(listed.stdout));
  const names = new Set(found.map((link) => link.ifname));
  const addresses = new Set(found.flatMap((link) => link.addr_info.map((info) => info.local)));
  const devices = record.lightpath.devices.filter((device) => !names.has(device));
  return [
    ...devices.map((device) => `the lightpath device ${device} does not exist`),
    ...(addresses.has(record.tunnel.address) ? [] : [`no device has the tunnel address ${record.tunnel.address}`]),
  ];
}

/** Connects to a host and looks for everything that running and moving VMs takes. Rejects with credentials.missing alone. */
export async function examine(context: Context, record: HypervisorHostRecord): Promise<Examination> {
  try {
    const host = await context.hosts.open(record);
    const hypervisor = context.hypervisor(record.hypervisor);
    const survey = await hypervisor.survey(host, record.storage, record.accelerator);
    const missing = [...survey.missing, ...(await missingNetwork(host, record))];
    const { cpus, threads, memoryMiB, version } = survey;
    const { name, accelerator } = record;
    const fingerprint = hostKeyFingerprint(record.hostKey);
    const facts = { name, cpus, threads, memoryMiB, hypervisor: survey.hypervisor, version, accelerator, fingerprint };
    return missing.length === 0 ? { kind: "ready", facts } : { kind: "lacking", facts, missing };
  } catch (thrown) {
    // Not the host's fault, and the same for every other one.
    if (thrown instanceof TurntableError && thrown.code === "credentials.missing") throw thrown;
    return { kind: "unreachable", reason: reasonOf(thrown) };
  }
}
