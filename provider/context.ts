import type { Aaa } from "./aaa/aaa.ts";
import type { DomainRecord } from "./aaa/domain-record.ts";
import type { Host } from "./host/host.ts";
import type { HostRecord, HypervisorHostRecord } from "./host/record.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import type {
  AlternativesRequest,
  Connection,
  Offer,
  PairOffer,
  PairRequest,
  SeriesRequest,
} from "./lightpath/drac/wire.ts";
import type { Lightpath, PathController, TimeWindow } from "./lightpath/lightpath.ts";
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

/** What a domain of ours can be asked for beside what every provider of paths can. */
export interface Drac extends Lightpath {
  /** What there is to choose from: several ways, the cheapest first, all at the first time at which there is any. */
  alternatives(request: AlternativesRequest): Promise<readonly Offer[]>;
  /** Two ways that do not fail together, at the first time at which there are two. */
  pair(request: PairRequest): Promise<PairOffer>;
  /** All of them or none: the token for the time from the first's beginning to the last's end, and another for each. */
  reserveSeries(
    request: SeriesRequest,
    token: string,
    tokenFor: (window: TimeWindow) => Promise<string>,
  ): Promise<readonly Connection[]>;
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
  /** Throws credentials.missing. */
  drac(domain: DomainRecord): Drac;
  tunnel(kind: TunnelRecord["kind"]): Tunnel;
  hypervisor(kind: HypervisorHostRecord["hypervisor"]): Hypervisor;
}
