import { AaaClient } from "./aaa/client.ts";
import type { DomainRecord } from "./aaa/domain-record.ts";
import type { Context } from "./context.ts";
import { callerOf, credentialsFrom, nsiIdentityOf, oscarsTokenOf, type Setting } from "./credentials.ts";
import { connectSsh } from "./host/ssh.ts";
import { hostPool } from "./host-pool.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import { qemu } from "./hypervisor/qemu/qemu.ts";
import { DracLightpath } from "./lightpath/drac/client.ts";
import { FixedLightpath, Shares } from "./lightpath/fixed/fixed.ts";
import type { FixedRecord } from "./lightpath/fixed/record.ts";
import type { Lightpath, PathController } from "./lightpath/lightpath.ts";
import { NsiLightpath } from "./lightpath/nsi/nsi.ts";
import type { NsiRecord } from "./lightpath/nsi/record.ts";
import { OscarsLightpath } from "./lightpath/oscars/oscars.ts";
import type { OscarsRecord } from "./lightpath/oscars/record.ts";
import type { Narrator } from "./resource.ts";
import type { Tunnel } from "./tunnel/tunnel.ts";
import { vxlan } from "./tunnel/vxlan.ts";

const TUNNELS = { vxlan } satisfies Record<string, Tunnel>;
const HYPERVISORS = { qemu } satisfies Record<string, Hypervisor>;

export interface Composition extends Context {
  /** Closes what is open; whatever is asked of the context next opens it again. */
  rest(): Promise<void>;
}

/** Keeps one client for each far side, so that its connections and handshakes are shared. */
function clients<R extends PathController, C extends { close(): Promise<void> }>(make: (far: R) => C) {
  const kept = new Map<string, C>();
  return {
    of(far: R): C {
      const key = JSON.stringify(Object.entries(far).sort(([one], [other]) => one.localeCompare(other)));
      const client = kept.get(key) ?? make(far);
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
  const aaas = clients((domain: DomainRecord) => new AaaClient(domain, callerOf(credentials)));
  const shares = new Shares();
  const dracs = clients((domain: DomainRecord) => new DracLightpath(domain, callerOf(credentials)));
  const others = clients(
    (controller: NsiRecord | OscarsRecord | FixedRecord): Lightpath & { close(): Promise<void> } => {
      switch (controller.kind) {
        case "nsi":
          return new NsiLightpath(controller, () => nsiIdentityOf(credentials));
        case "oscars":
          return new OscarsLightpath(controller, () => oscarsTokenOf(credentials));
        case "fixed":
          return new FixedLightpath(controller, shares);
        default:
          return controller satisfies never;
      }
    },
  );
  return {
    narrator,
    credentials,
    hosts,
    aaa: (domain) => aaas.of(domain),
    lightpath: (controller) => ("kind" in controller ? others.of(controller) : dracs.of(controller)),
    drac: (domain) => dracs.of(domain),
    tunnel: (kind) => TUNNELS[kind],
    hypervisor: (kind) => HYPERVISORS[kind],
    async rest() {
      await Promise.all([hosts.close(), aaas.close(), dracs.close(), others.close()]);
    },
  };
}
