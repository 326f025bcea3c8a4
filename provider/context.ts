import type { Aaa } from "./aaa/aaa.ts";
import type { DomainRecord } from "./aaa/domain-record.ts";
import type { Host } from "./host/host.ts";
import type { HostRecord, HypervisorHostRecord } from "./host/record.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import type { Lightpath, PathController } from "./lightpath/lightpath.ts";
import type { Credentials, Narrator } from "./resource.ts";
import type { Tunnel, TunnelRecord } from "./tunnel/tunnel.ts";

/** Connections to hosts, shared by everything in this process. */
export interface Hosts {
  /**
   * A connection to the host with exactly this pinned key, opened at most once for all who ask.
   * Do not close it: the pool does, when it has been idle. Rejections: credentials.missing, host.unreachable, host.key-mismatch.
   */
  open(record: HostRecord): Promise<Host>;
}

/** What resources and the controller work with: adapters chosen by the composition root. Getting one touches no network. */
export interface Context {
  readonly narrator: Narrator;
  /** Read when first touched, so that a preview needs none. Throws credentials.missing. */
  readonly credentials: Credentials;
  readonly hosts: Hosts;
  /** Throws credentials.missing. */
  aaa(domain: DomainRecord): Aaa;
  /** Throws credentials.missing. */
  lightpath(controller: PathController): Lightpath;
  tunnel(kind: TunnelRecord["kind"]): Tunnel;
  hypervisor(kind: HypervisorHostRecord["hypervisor"]): Hypervisor;
}
