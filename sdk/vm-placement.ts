import * as pulumi from "@pulumi/pulumi";
import type { PathConstraints } from "../provider/aaa/wire.ts";
import type { Location, MoveRecord } from "../provider/controller/placement.ts";
import type { AuthToken } from "./auth-token.ts";
import { Lightpath } from "./lightpath.ts";
import { shell } from "./shell.ts";
import type { DomainRecord, Site, SiteLocation } from "./site.ts";

export type { Location, MoveRecord };

/** How what a move sends is encrypted: by TLS 1.3 between the two hosts, or not at all. */
export type Encryption = "tls" | "none";

/** A path set up when a move begins and given back when it ends. */
export interface LightpathProfile {
  /** In Mbit/s. */
  bandwidthMbps: pulumi.Input<number>;
  /**
   * In Mbit/s: what the path may be raised to while the VM moves, if its memory does not converge at less and the domains
   * have it free. Default: it is not raised.
   */
  maxBandwidthMbps?: pulumi.Input<number> | undefined;
  /** In bytes. Default 9000. */
  mtu?: pulumi.Input<number> | undefined;
  /** The domain that is asked. Default: that of the site moved from. */
  home?: pulumi.Input<DomainRecord> | undefined;
  /** What its way over the domains must keep to: a largest delay, domains on it, what to avoid. Default: nothing. */
  constraints?: pulumi.Input<PathConstraints> | undefined;
  /** Default "tls". */
  encryption?: pulumi.Input<Encryption> | undefined;
}

/** A link between the sites' lightpath addresses that is always there: a leased line, a VPN. No domain is asked. */
export interface FixedPath {
  fixed: true;
  /** In Mbit/s. Default 1000. */
  bandwidthMbps?: pulumi.Input<number> | undefined;
  /** In bytes. Default 1500. */
  mtu?: pulumi.Input<number> | undefined;
  /** Round trip in ms, for the size of the first window. Default 10. */
  rttMs?: pulumi.Input<number> | undefined;
  /**
   * The link, where moves of several VMs in one `pulumi up` go over it, perhaps between other hosts: each takes
   * `bandwidthMbps` of it, and one that finds too little free is refused. Default: nothing is counted.
   */
  link?: pulumi.Input<{ name: pulumi.Input<string>; capacityMbps: pulumi.Input<number> }> | undefined;
  /** Whether the link itself encrypts all that crosses it (VPN, MACsec). A statement for policies: nothing is checked. Default false. */
  encrypted?: pulumi.Input<boolean> | undefined;
  /** Default "tls", whatever the link does. "none" where it encrypts already and twice would be too much. */
  encryption?: pulumi.Input<Encryption> | undefined;
}

/** A path set up as a move begins, and given back as it ends, by a provider of NSI's Connection Service 2.0. */
export interface NsiPath {
  nsi: {
    /** The provider's NSA (`urn:ogf:network:…`). */
    provider: pulumi.Input<string>;
    /** Of its Connection Service: https. */
    url: pulumi.Input<string>;
    /** SHA-256 of its certificate ("SHA256:…"), pinned. */
    fingerprint: pulumi.Input<string>;
    /** Of the one that it calls back with, if that is another. */
    callbackFingerprint?: pulumi.Input<string> | undefined;
    /** The NSA by which it knows this program, whose certificate is `turntable:nsiCertificateFile`. */
    requester: pulumi.Input<string>;
    /** Where it reaches this program (https), and what is listened on for that: by default every address. */
    callback: pulumi.Input<{
      url: pulumi.Input<string>;
      address?: pulumi.Input<string> | undefined;
      port: pulumi.Input<number>;
    }>;
    /**
     * By a site's STP: the provider's name for it, with the VLANs of the site's lightpath devices in their order
     * ("urn:…?vlan=1780-1783"). Default: the site's own name.
     */
    stps?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
    /** Round trip in ms, for the size of the first window. Default 10. */
    rttMs?: pulumi.Input<number> | undefined;
  };
  /** In Mbit/s. */
  bandwidthMbps: pulumi.Input<number>;
  /** In bytes. Default 9000. */
  mtu?: pulumi.Input<number> | undefined;
  /** Default "tls". */
  encryption?: pulumi.Input<Encryption> | undefined;
}

/** A path set up as a move begins, and given back as it ends, by a controller of OSCARS 1.0. */
export interface OscarsPath {
  oscars: {
    /** Of its REST API: https. It is shown the token `turntable:oscarsTokenFile`. */
    url: pulumi.Input<string>;
    /** SHA-256 of its certificate ("SHA256:…"), pinned. */
    fingerprint: pulumi.Input<string>;
    /** By a site's STP: where the site hangs, with the VLANs of its lightpath devices in their order. */
    ports: pulumi.Input<
      Record<
        string,
        pulumi.Input<{ device: pulumi.Input<string>; port: pulumi.Input<string>; vlans: pulumi.Input<number[]> }>
      >
    >;
    /** Round trip in ms, for the size of the first window. Default 10. */
    rttMs?: pulumi.Input<number> | undefined;
  };
  /** In Mbit/s. */
  bandwidthMbps: pulumi.Input<number>;
  /** In Mbit/s: what the path may be raised to while the VM moves. Default: it is not raised. */
  maxBandwidthMbps?: pulumi.Input<number> | undefined;
  /** In bytes. Default 9000. */
  mtu?: pulumi.Input<number> | undefined;
  /** Default "tls". */
  encryption?: pulumi.Input<Encryption> | undefined;
}

/** The VM's own network settings, which it keeps wherever it runs. */
export interface VmNetworkArgs {
  /** With prefix: "10.1.1.2/24". */
  address: pulumi.Input<string>;
  gateway: pulumi.Input<string>;
  /** Lower-case: "52:54:00:12:34:56". */
  mac: pulumi.Input<string>;
}

export interface VmPlacementArgs {
  /** Short lower-case name of the VM. Default: the resource's name. */
  name?: string | undefined;
  /** Where it shall run. Another site is an update: the VM moves there while it runs. */
  site: Site;
  /** Kernel and initial ramdisk: absolute paths that hold the same at every site. */
  image: pulumi.Input<{
    kernel: pulumi.Input<string>;
    initrd: pulumi.Input<string>;
    commandLine?: pulumi.Input<string> | undefined;
  }>;
  /** At most four. `image` (absolute path at the first site) is copied to make the disk; absent, it is empty. */
  disks?:
    | pulumi.Input<
        pulumi.Input<{
          name: pulumi.Input<string>;
          sizeMiB: pulumi.Input<number>;
          image?: pulumi.Input<string> | undefined;
        }>[]
      >
    | undefined;
  memoryMiB: pulumi.Input<number>;
  /** Default 1. */
  vcpus?: pulumi.Input<number> | undefined;
  network: pulumi.Input<VmNetworkArgs>;
  /**
   * How moves get their path: a declared reservation, a profile to set up on demand, from the sites' domains, by NSI or by an OSCARS,
   * or a link that is always there.
   */
  lightpath: Lightpath | LightpathProfile | NsiPath | OscarsPath | FixedPath;
  /** Consent given ahead. Default: that of the declared `Lightpath`; without one, each move asks for its own. */
  grant?: AuthToken | undefined;
  /** Free facts for policies, such as an embargo. They can change at any time and change nothing in the VM. */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /**
   * How it moves. "live": it runs while its memory is copied, and is away for the switchover. "suspended": it stands
   * still for as long as the copy of its memory takes, however much of it it would dirty. Default "live".
   */
  mode?: pulumi.Input<"live" | "suspended"> | undefined;
  /** The longest stop that a live move may cause, in milliseconds. Default 1000. */
  downtimeBudgetMs?: pulumi.Input<number> | undefined;
  /**
   * Whether a site that the VM leaves keeps its disks as a replica: then only what changed meanwhile travels when it
   * returns. Deletion removes them all. Default "keep".
   */
  replicas?: pulumi.Input<"keep" | "wipe"> | undefined;
  /** Leave the disks behind when the VM is deleted. Default false. */
  keepDisks?: pulumi.Input<boolean> | undefined;
}

function choiceOf(path: VmPlacementArgs["lightpath"]): Record<string, unknown> {
  if (path instanceof Lightpath) {
    const { connectionId, bandwidthMbps, mtu, afterUse, grant } = path;
    return { kind: "reserved", connectionId, bandwidthMbps, mtu, afterUse, home: grant.home };
  }
  if ("nsi" in path) {
    const { nsi, ...rest } = path;
    return { kind: "nsi", ...nsi, ...rest };
  }
  if ("oscars" in path) {
    const { oscars, ...rest } = path;
    return { kind: "oscars", ...oscars, ...rest };
  }
  if (!("fixed" in path)) return { kind: "on-demand", ...path };
  const { fixed: _, ...link } = path;
  return { kind: "fixed", ...link };
}

/** A VM and the site where it runs. */
export class VmPlacement extends pulumi.dynamic.Resource {
  declare readonly name: pulumi.Output<string>;
  /** Name of the site that has the VM. */
  declare readonly site: pulumi.Output<string>;
  /** Name of the host there that runs it. */
  declare readonly host: pulumi.Output<string>;
  declare readonly state: pulumi.Output<"running" | "paused" | "stopped">;
  /** Raised by one with every move. */
  declare readonly epoch: pulumi.Output<number>;
  declare readonly network: pulumi.Output<{ address: string; gateway: string; mac: string }>;
  /** Downtime, bytes, stages and path of the last move; absent until there was one. */
  declare readonly lastMove: pulumi.Output<MoveRecord | undefined>;
  /** Every site used so far, by name. */
  declare readonly locations: pulumi.Output<Record<string, Location>>;
  /** The declaration, for other resources. */
  readonly declared: {
    readonly name: string;
    readonly location: SiteLocation;
    readonly network: pulumi.Output<VmNetwork>;
  };

  constructor(name: string, args: VmPlacementArgs, opts?: pulumi.CustomResourceOptions) {
    const { site, lightpath, grant, ...vm } = args;
    const consent = grant?.reference ?? (lightpath instanceof Lightpath ? lightpath.grant : undefined);
    const props = {
      ...{ disks: [], ...vm, name: args.name ?? name },
      ...{ site: site.location.name, location: site.location },
      ...{ lightpath: choiceOf(lightpath), grant: consent },
      ...{ host: undefined, state: undefined, epoch: undefined, lastMove: undefined, locations: undefined },
    };
    const options = pulumi.mergeOptions(opts, { dependsOn: [site], additionalSecretOutputs: ["grant"] });
    super(shell("VmPlacement"), name, props, options, "turntable", "VmPlacement");
    this.declared = { name: props.name, location: site.location, network: pulumi.output(args.network) };
  }
}

interface VmNetwork {
  readonly address: string;
  readonly gateway: string;
  readonly mac: string;
}
