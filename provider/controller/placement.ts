import { z } from "zod";
import { domainRecord } from "../aaa/domain-record.ts";
import { pathConstraints, timeWindow } from "../aaa/wire.ts";
import { hypervisorHostRecord } from "../host/record.ts";
import { type VmSpec, vmSpec } from "../hypervisor/vm-spec.ts";
import { sharedLink } from "../lightpath/fixed/record.ts";
import { nsiRecord } from "../lightpath/nsi/record.ts";
import { oscarsRecord } from "../lightpath/oscars/record.ts";

const siteName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be a short lower-case name");
const labels = z.record(z.string(), z.string());

/** All that is needed to reach a site but the keys: plain values, known in preview. The fingerprint of a host is that of its `hostKey`. */
export const location = z.strictObject({
  name: siteName,
  /** The network domain at whose port (`stp`) the site hangs. */
  domain: domainRecord,
  stp: z.string().startsWith("urn:ogf:network:", "must be a service termination point (urn:ogf:network:…)"),
  hosts: z.array(hypervisorHostRecord).min(1),
  labels: labels.default({}),
});

const bandwidthMbps = z.number().positive();
/** Whether a move encrypts what it sends over the path. Whoever answers for a link that does so already may leave it out. */
const encryption = z.enum(["tls", "none"]).default("tls");
const mtu = z.int().min(576).max(9216).default(9000);

/** What becomes of a declared path after each use: it is put out, or goes on, lit, with less. */
export const afterUse = z
  .union([z.literal("release"), z.strictObject({ recast: z.strictObject({ bandwidthMbps }) })], {
    error: 'must be "release" or {recast: {bandwidthMbps}}',
  })
  .default("release");

/** How a move gets its dedicated path. */
export const pathChoice = z
  .discriminatedUnion("kind", [
    /** A declared `Lightpath`: reserved already; a move provisions it, and does with it afterwards what is declared. */
    z.strictObject({
      kind: z.literal("reserved"),
      connectionId: z.string().min(1),
      home: domainRecord,
      bandwidthMbps,
      mtu,
      afterUse,
      encryption: z.literal("tls").default("tls"),
    }),
    /**
     * Reserved when the move begins, terminated when it ends. Asked of `home`, by default the domain of the site moved from.
     * Raised to `maxBandwidthMbps` where memory does not converge at less.
     */
    z.strictObject({
      kind: z.literal("on-demand"),
      bandwidthMbps,
      maxBandwidthMbps: bandwidthMbps.optional(),
      mtu,
      encryption,
      home: domainRecord.optional(),
      /** What the way over the domains must keep to. */
      constraints: pathConstraints.optional(),
    }),
    /** A link between the sites' lightpath addresses that is always there. */
    z.strictObject({
      kind: z.literal("fixed"),
      bandwidthMbps: bandwidthMbps.default(1_000),
      mtu: z.int().min(576).max(9216).default(1_500),
      rttMs: z.number().positive().default(10),
      /** The link, where several VMs' moves share it: each takes `bandwidthMbps` of it. */
      link: sharedLink.optional(),
      /** Whether the link itself encrypts, which only who declares it can know. */
      encrypted: z.boolean().optional(),
      encryption,
    }),
    /** As `on-demand`, of a provider of NSI's Connection Service: it knows this program by its certificate, and nobody else is asked. */
    nsiRecord.extend({ bandwidthMbps, mtu, encryption }),
    /** As `on-demand`, of a controller of OSCARS 1.0, which knows this program by a token. */
    oscarsRecord.extend({ bandwidthMbps, maxBandwidthMbps: bandwidthMbps.optional(), mtu, encryption }),
  ])
  .refine(
    (path) => !("maxBandwidthMbps" in path) || (path.maxBandwidthMbps ?? path.bandwidthMbps) >= path.bandwidthMbps,
    {
      path: ["maxBandwidthMbps"],
      error: "must not be less than bandwidthMbps",
    },
  )
  .refine((path) => path.kind !== "fixed" || path.bandwidthMbps <= (path.link?.capacityMbps ?? path.bandwidthMbps), {
    path: ["bandwidthMbps"],
    error: "must not be more than the link's capacityMbps",
  });

/** A grant declared ahead (`AuthToken`), under which a move mints its token at `home`. `jwt` is secret. */
export const grantReference = z.strictObject({
  id: z.string().min(1),
  jwt: z.string().min(1),
  home: domainRecord,
  window: timeWindow,
});

/** Whether a site that a VM leaves keeps its disks, so that only what changes meanwhile travels when it returns. */
const replicaChoice = z.enum(["keep", "wipe"]).default("keep");

/** Whether a move copies the memory of a VM that runs, or of one that it has suspended. */
export const moveMode = z.enum(["live", "suspended"]).default("live");

const end = z.strictObject({ name: siteName, labels });

/** The transition as policy packs see it; present while the recorded site differs from the declared one. */
export const transition = z.strictObject({ from: end, to: end });

/** Inputs of a VmPlacement: the VM's own (flat), and where it shall be. */
export const placementInputs = vmSpec.extend({
  /** Name of the site, so that a preview reads `site: "ams" => "san"`. */
  site: siteName,
  location,
  lightpath: pathChoice,
  grant: grantReference.optional(),
  /** Free facts for policies, such as an embargo. They change nothing in the VM. */
  labels: labels.default({}),
  mode: moveMode,
  /** Of live moves. */
  downtimeBudgetMs: z.number().positive().default(1000),
  replicas: replicaChoice,
  /** Whether deletion leaves the disks where they are. */
  keepDisks: z.boolean().default(false),
  move: transition.optional(),
});

/** What a move left on record. Times are durations in milliseconds, of one monotonic clock. */
export const moveRecord = z.object({
  from: z.string(),
  to: z.string(),
  epoch: z.int(),
  startedAt: z.iso.datetime(),
  mode: moveMode,
  /** The VM stopped: source STOP to destination RESUME. Absent where the two hosts share no clock. */
  blackoutMs: z.number().optional(),
  memoryBytes: z.number(),
  /** What crossed the path: neither empty blocks nor discarded ones. */
  diskBytes: z.number(),
  /** 99 of 100 of the guest's disk writes took no longer while it moved, at most a tenth too high. Absent if it wrote nothing. */
  writeP99Ms: z.number().optional(),
  totalMs: z.number(),
  /** Duration of each stage, by its name (hold, authorize, light, migrate, steer, release). */
  stages: z.record(z.string(), z.number()),
  path: z.object({
    connectionId: z.string().optional(),
    /** Domains crossed, in order; none on a fixed path. */
    hops: z.array(z.string()),
    bandwidthMbps: z.number().optional(),
    rttMs: z.number().optional(),
  }),
  /** Each pass over the memory: how much had been sent, and how much was left, when it began. */
  iterations: z.array(z.object({ atMs: z.number(), sentBytes: z.number(), remainingBytes: z.number() })).optional(),
  /** When the guest stopped, on the hosts' monotonic clock. */
  stopAtMs: z.number().optional(),
  /** Points of the switchover ("destination RESUME", …), in ms since the guest stopped. */
  timelineMs: z.record(z.string(), z.number()),
});

/** Outputs of a VmPlacement. Not strict: state may come from another version of this package. */
export const placementState = z.object({
  ...placementInputs.omit({ move: true }).shape,
  /** Name of the host that runs the VM, one of `locations[site].hosts`. */
  host: z.string(),
  state: z.enum(["running", "paused", "stopped"]),
  /** Raised by one with every move. */
  epoch: z.int(),
  lastMove: moveRecord.optional(),
  /** Every site used so far, so that the old ones can still be reached. */
  locations: z.record(z.string(), location),
});

export type Location = z.output<typeof location>;
export type PathChoice = z.output<typeof pathChoice>;
export type ReplicaChoice = z.output<typeof replicaChoice>;
export type GrantReference = z.output<typeof grantReference>;
export type Transition = z.output<typeof transition>;
export type PlacementInputs = z.output<typeof placementInputs>;
export type MoveRecord = z.output<typeof moveRecord>;
export type PlacementState = z.output<typeof placementState>;

/** Where a VM was found to be. `unreachable` and `doubled` say nothing against the recorded state, `gone` does. */
export type Observation =
  | { readonly kind: "gone" }
  | { readonly kind: "unreachable"; readonly reason: string }
  | { readonly kind: "found"; readonly state: PlacementState }
  | { readonly kind: "doubled"; readonly sites: readonly string[] };

/** The virtual machine apart from where it runs. */
export function vmOf(placement: VmSpec): VmSpec {
  const { name, image, disks, memoryMiB, vcpus, network } = placement;
  return { name, image, disks, memoryMiB, vcpus, network };
}
