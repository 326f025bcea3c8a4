import type { DomainRecord } from "../aaa/domain-record.ts";
import type { TimeWindow } from "../aaa/wire.ts";
import { TurntableError } from "../errors.ts";
import type { Connection, ModifyRequest, Offer, OfferRequest, ReserveRequest } from "./drac/wire.ts";
import type { FixedRecord } from "./fixed/record.ts";
import type { NsiRecord } from "./nsi/record.ts";
import type { OscarsRecord } from "./oscars/record.ts";

export type { Connection, Offer, OfferRequest, TimeWindow };

/** Who is asked for a path: a domain of ours, a provider of NSI's Connection Service, an OSCARS, or nobody but this program. */
export type PathController = DomainRecord | NsiRecord | OscarsRecord | FixedRecord;

/** Is told a connection's id before anything is held under it, by who knows it so early. */
export type Named = (connectionId: string) => Promise<void>;

/** What shall be different: at least one of rate and end, by the right of a VM that uses the connection. */
export type Modification = Omit<ModifyRequest, "requestId">;

/** A path that was not lit, since a link on its way is down: another way may be free. */
export class LinkDown extends TurntableError {
  /** By the name that constraints know it by. */
  readonly link: string;

  /** `reason`: who says so, of what. */
  constructor(reason: string, link: string) {
    super("lightpath.failed", reason, {
      retry: "safe",
      next: `Have link ${link} repaired, or ask for a path that avoids it.`,
    });
    this.link = link;
  }
}

/**
 * Port: whoever can set up a dedicated path between two sites.
 * Rejections: domain.unreachable, domain.refused (with the domain that refused and its reason), lightpath.failed.
 */
export interface Lightpath {
  /** What a reservation would get now, or next. Holds nothing, needs no token. */
  offer(request: OfferRequest): Promise<Offer>;
  /** Reserve and commit: capacity is ours for the window, the data plane is still down. */
  reserve(request: ReserveRequest, token: string, named?: Named): Promise<Connection>;
  /** Data plane up. Rejects with LinkDown, nothing lit, if a link on the way is down. */
  provision(connectionId: string, token: string): Promise<Connection>;
  /**
   * Another rate or end for a connection that is there, while it goes on: everywhere on the way or nowhere. The token is
   * for the new version; of what other VMs use nothing is lessened.
   */
  modify(connectionId: string, change: Modification, token: string): Promise<Connection>;
  /** One more VM uses a connection that is there, by its own token, which every domain on the way verifies. */
  join(connectionId: string, vm: string, token: string): Promise<Connection>;
  /** A VM uses it no more; with the last one that does the connection ends. One that is gone already is fine. */
  leave(connectionId: string, vm: string): Promise<void>;
  /** Data plane down, capacity kept. Needs no token: what was lit can always be put out by its owner, once no other VM than its own uses it. */
  release(connectionId: string): Promise<Connection>;
  /** Capacity given back, once no other VM than its own uses it. A connection that is gone already is fine. */
  terminate(connectionId: string): Promise<void>;
  /** Undefined if the domain does not know it. */
  query(connectionId: string): Promise<Connection | undefined>;
  /** All connections of this caller that the domain coordinates, ended ones too. */
  list(): Promise<readonly Connection[]>;
}
