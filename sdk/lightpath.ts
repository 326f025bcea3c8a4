import * as pulumi from "@pulumi/pulumi";
import type { PathConstraints, TimeWindow } from "../provider/aaa/wire.ts";
import { hostKeyFingerprint } from "../provider/host/host-key.ts";
import type { ConnectionState } from "../provider/lightpath/drac/wire.ts";
import type { AuthToken } from "./auth-token.ts";
import { shell } from "./shell.ts";
import type { Site } from "./site.ts";

export type { ConnectionState };

/** How often a reservation comes again. */
export interface RecurrenceArgs {
  every: pulumi.Input<"daily" | "weekly" | "monthly">;
  /** In all, the first counted: 2 to 53. */
  times: pulumi.Input<number>;
  timeZone: pulumi.Input<string>;
}

/** One of the times of a lightpath that comes again. */
export interface Occurrence {
  connectionId: string;
  window: TimeWindow;
  state: ConnectionState;
  /** It was ended before it was over, by a domain's operator perhaps. */
  lost?: boolean;
}

/** What becomes of a path after each move over it. `bandwidthMbps`: less than that of the Lightpath. */
export type AfterUse = "release" | { recast: { bandwidthMbps: pulumi.Input<number> } };

/** The way that protects another. */
export interface ProtectingWay {
  connectionId: string;
  state: ConnectionState;
  /** Now, in Mbit/s. */
  carriesMbps: number;
  hops: string[];
  rttMs: number;
}

export interface LightpathArgs {
  /** The two sites, in any order: the path serves moves in both directions. */
  between: [Site, Site];
  /** Reserved rate, in Mbit/s. */
  bandwidthMbps: pulumi.Input<number>;
  /** Largest packet on the path, in bytes. Default 9000. */
  mtu?: pulumi.Input<number> | undefined;
  /** By the clock, ISO 8601 in UTC. Absent: on demand, from creation for `hours`, but no longer than the grant. */
  window?: pulumi.Input<{ start: pulumi.Input<string>; end: pulumi.Input<string> }> | undefined;
  /** How long a path on demand is kept, in hours. Default 24. */
  hours?: pulumi.Input<number> | undefined;
  /**
   * The same time again, so many times in all, as the clocks of a time zone (IANA: "Europe/Amsterdam") show it; `window` is
   * the first. Every time is reserved, or none; the grant must last until the end of the last. Not with `protection`.
   */
  recurrence?: pulumi.Input<RecurrenceArgs> | undefined;
  /** Name of the VM (`VmPlacement.name`) that will move over it. */
  vm: pulumi.Input<string>;
  /** What its way over the domains must keep to: a largest delay, domains on it, what to avoid. The grant's must lead over such a way. Default: nothing. */
  constraints?: pulumi.Input<PathConstraints> | undefined;
  /** The grant under which it is reserved. Its home domain is asked. */
  grant: AuthToken;
  /**
   * A second way beside the first: both are reserved, or neither. "links": they share no link and no risk group, but the
   * domains of the grant. "domains": no domain between the sites either, which takes a `protectingGrant`.
   */
  protection?: pulumi.Input<"links" | "domains"> | undefined;
  /**
   * The grant of the second way. For protection: "domains" it is asked for with `constraints` that avoid the first's domains.
   * For "links" it is needed only where `grant` is not for twice the rate: what is reserved under a grant is counted together.
   */
  protectingGrant?: AuthToken | undefined;
  /**
   * What becomes of the path after each move. "release": no packet passes until the next one, and the rate stays reserved.
   * `recast`: it goes on, lit and with both hosts on it, at this lesser rate, without a gap; the rest is the network's again,
   * and the next move has it raised to `bandwidthMbps` first, or is refused before anything is copied. Default "release".
   */
  afterUse?: pulumi.Input<AfterUse> | undefined;
}

function endOf({ location }: Site) {
  const siteKey = pulumi.output(location.hosts).apply((hosts) => hostKeyFingerprint(hosts[0]?.hostKey ?? ""));
  return { name: location.name, stp: location.stp, siteKey };
}

/**
 * Capacity reserved between two sites. The data plane is up only while a move uses it, or, where that is declared, from the
 * first one on. One that comes again is, in
 * `connectionId` and so on, the time that goes on at the last refresh, else the next one to come. Of two ways it is the
 * working one; when that is gone, a refresh puts the other one in its place, and the next `up` reserves both anew.
 */
export class Lightpath extends pulumi.dynamic.Resource {
  declare readonly connectionId: pulumi.Output<string>;
  declare readonly state: pulumi.Output<ConnectionState>;
  declare readonly bandwidthMbps: pulumi.Output<number>;
  declare readonly mtu: pulumi.Output<number>;
  declare readonly afterUse: pulumi.Output<pulumi.Unwrap<AfterUse>>;
  /** At the last refresh, in Mbit/s: what was declared, or less where it was re-cast. */
  declare readonly carriesMbps: pulumi.Output<number>;
  /** Domains crossed, in order. */
  declare readonly hops: pulumi.Output<string[]>;
  /** Sum of the links' delays there and back, in milliseconds. */
  declare readonly rttMs: pulumi.Output<number>;
  /** The window that was reserved. */
  declare readonly reserved: pulumi.Output<TimeWindow>;
  /** With `recurrence`: every time, in order. */
  declare readonly occurrences: pulumi.Output<Occurrence[] | undefined>;
  /** With `protection`: the second way; absent once protection is lost. */
  declare readonly protecting: pulumi.Output<ProtectingWay | undefined>;
  readonly grant: AuthToken["reference"];

  constructor(name: string, args: LightpathArgs, opts?: pulumi.CustomResourceOptions) {
    const between = args.between.map(endOf);
    const outputs = {
      connectionId: undefined,
      state: undefined,
      carriesMbps: undefined,
      hops: undefined,
      rttMs: undefined,
      reserved: undefined,
      occurrences: undefined,
      protecting: undefined,
    };
    const secrets = ["grant", "protectingGrant"];
    const options = pulumi.mergeOptions(opts, { dependsOn: args.between, additionalSecretOutputs: secrets });
    const grants = { grant: args.grant.reference, protectingGrant: args.protectingGrant?.reference };
    const props = { ...args, between, ...grants, ...outputs };
    super(shell("Lightpath"), name, props, options, "turntable", "Lightpath");
    this.grant = args.grant.reference;
  }
}
