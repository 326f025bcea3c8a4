import * as pulumi from "@pulumi/pulumi";
import { certificateFingerprint, type DomainRecord } from "../provider/aaa/domain-record.ts";
import type { HostFacts } from "../provider/resources/site/prerequisites.ts";
import type { HostArgs } from "./host.ts";
import { shell } from "./shell.ts";

export { certificateFingerprint, type DomainRecord, type HostFacts };

/** A machine at a site that runs VMs. */
export interface SiteHostArgs extends HostArgs {
  /** Default "qemu". */
  hypervisor?: pulumi.Input<"qemu"> | undefined;
  /** Default "kvm"; "tcg" (emulation) where there is no KVM. The same at both ends of a move. */
  accelerator?: pulumi.Input<"kvm" | "tcg"> | undefined;
  /** The port towards the domain's optical switch: IPv4 address when lit, and a network device per channel. */
  lightpath: pulumi.Input<{ address: pulumi.Input<string>; devices: pulumi.Input<pulumi.Input<string>[]> }>;
}

export interface SiteArgs {
  /** Short lower-case name, as previews show it. Default: the resource's name. */
  name?: string | undefined;
  /** The network domain where the site hangs: its agent's address and the fingerprint of its certificate. */
  domain: pulumi.Input<DomainRecord>;
  /** Service termination point of the site in that domain: "urn:ogf:network:…". */
  stp: pulumi.Input<string>;
  /** At least one. */
  hosts: pulumi.Input<pulumi.Input<SiteHostArgs>[]>;
  /** Free facts for policies: jurisdiction, energy, … */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** A site's record as other resources get it. */
export interface SiteLocation extends SiteArgs {
  name: string;
}

/**
 * A place with hosts that run VMs. Declaring it changes nothing there: its hosts are looked at, and everything they lack
 * is listed at once. Keys come from the stack's configuration (`turntable:sshKeyFile`, `turntable:sshPrivateKey`, or the agent).
 */
export class Site extends pulumi.dynamic.Resource {
  declare readonly name: pulumi.Output<string>;
  declare readonly domain: pulumi.Output<DomainRecord>;
  declare readonly stp: pulumi.Output<string>;
  declare readonly labels: pulumi.Output<Record<string, string>>;
  /** What was found at each host: cores, threads, memory (MiB), hypervisor, version, accelerator, key fingerprint. */
  declare readonly facts: pulumi.Output<HostFacts[]>;
  /** The declaration, for other resources: unlike outputs it is known in the first preview. */
  readonly location: SiteLocation;

  constructor(name: string, args: SiteArgs, opts?: pulumi.CustomResourceOptions) {
    const location = { ...args, name: args.name ?? name };
    super(shell("Site"), name, { ...location, facts: undefined }, opts, "turntable", "Site");
    this.location = location;
  }
}
