import { AaaClient } from "./aaa/client.ts";
import type { DomainRecord } from "./aaa/domain-record.ts";
import type { Context } from "./context.ts";
import { callerOf, credentialsFrom, type Setting } from "./credentials.ts";
import { connectSsh } from "./host/ssh.ts";
import { hostPool } from "./host-pool.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import { qemu } from "./hypervisor/qemu/qemu.ts";
import { DracLightpath } from "./lightpath/drac/client.ts";
import type { Narrator } from "./resource.ts";
import type { Tunnel } from "./tunnel/tunnel.ts";
import { vxlan } from "./tunnel/vxlan.ts";

const TUNNELS = { vxlan } satisfies Record<string, Tunnel>;
const HYPERVISORS = { qemu } satisfies Record<string, Hypervisor>;

export interface Composition extends Context {
  /** Closes what is open; whatever is asked of the context next opens it again. */
  rest(): Promise<void>;
}

/** Keeps one client for each domain, so that its connections and handshakes are shared. */
function clients<C extends { close(): Promise<void> }>(make: (domain: DomainRecord) => C) {
  const kept = new Map<string, C>();
  return {
    of(domain: DomainRecord): C {
      const key = JSON.stringify([domain.name, domain.url, domain.fingerprint]);
      const client = kept.get(key) ?? make(domain);
      kept.set(key, client);
      return client;
    },
    async close(): Promise<void> {
      const all = [...kept.values()];
      kept.clear();
      await Promise.allSettled(all.map((client) => client.close()));
    },
  };
}

/** The composition root: the one place that knows which adapter stands behind which port. */
export function compose(setting: Setting, narrator: Narrator): Composition {
  const credentials = credentialsFrom(setting);
  const hosts = hostPool(async (record) => connectSsh(record, { privateKey: credentials.sshPrivateKey }));
  const aaas = clients((domain) => new AaaClient(domain, callerOf(credentials)));
  const lightpaths = clients((domain) => new DracLightpath(domain, callerOf(credentials)));
  return {
    narrator,
    credentials,
    hosts,
    aaa: (domain) => aaas.of(domain),
    lightpath: (domain) => lightpaths.of(domain),
    tunnel: (kind) => TUNNELS[kind],
    hypervisor: (kind) => HYPERVISORS[kind],
    async rest() {
      await Promise.all([hosts.close(), aaas.close(), lightpaths.close()]);
    },
  };
}
