import type { Host } from "../host/host.ts";
import type { VmSpec } from "./vm-spec.ts";

/** A VM's place at a host: everything of it stands in `directory` (`<storage>/<vm>`). */
export interface Place {
  /** The site's name, for messages and records. */
  readonly site: string;
  readonly host: Host;
  readonly directory: string;
  readonly accelerator: "kvm" | "tcg";
  /** The host's address on the lightpath. */
  readonly lightpathAddress: string;
  /** Its address on the routed network: another way to ask it, should the lightpath break. */
  readonly routedAddress: string;
}

/** What a host offers, and everything it lacks to run VMs and take part in moves. */
export interface Survey {
  readonly cpus: number;
  readonly threads: number;
  readonly memoryMiB: number;
  /** Less what is promised to VMs that run there or are on their way to it. */
  readonly memoryAvailableMiB: number;
  /** Less what VMs that are on their way to it have still to bring. */
  readonly storageAvailableMiB: number;
  /** Virtual CPUs of those VMs. */
  readonly vcpusSubscribed: number;
  /** The machine type that a new VM gets, and all that it could be. */
  readonly machine: string;
  readonly machines: readonly string[];
  /** As in /proc/cpuinfo. */
  readonly cpuFlags: readonly string[];
  readonly hypervisor: string;
  readonly version: string;
  /** One sentence each; empty if nothing is missing. */
  readonly missing: readonly string[];
}

/**
 * What is really there.
 * - `absent`: no record of the VM.
 * - `replica`: the disks that the VM had when it left, and nothing that could run.
 * - `active`: this place is recorded as the VM's; `run` is what the hypervisor says now.
 * - `incoming`: a move to this place was begun and not committed.
 */
export type Observation =
  | { readonly kind: "absent" }
  | { readonly kind: "replica"; readonly generation: string }
  | {
      readonly kind: "active" | "incoming";
      readonly epoch: number;
      readonly run: "running" | "paused" | "dead";
    };

/** A move as its destination must know it. */
export interface Arrival {
  /** The epoch that begins with the switchover. */
  readonly epoch: number;
  /** Names what the disks will hold at the switchover. */
  readonly generation: string;
  /** The machine type that the VM was started with, which it keeps. */
  readonly machine: string;
  /** Whether the disks are written on top of the replica that stands there, or anew. */
  readonly onto: "replica" | "nothing";
}

/**
 * What a removal leaves of a VM at a place: every one of its disks as one whole image; or, where it was only arriving,
 * the replica that stood there before.
 */
export type Remains = "nothing" | "disks" | "replica";

/** What tells a client gateway to turn, given to the pilot at the destination (see tunnel/tunnel.ts). */
export interface TurnTrigger {
  readonly address: string;
  readonly port: number;
  readonly keyHex: string;
  readonly epoch: number;
}

/** The controller's lease at a host: pilots obey it for as long as this number stands in that file (controller/lease.ts). */
export interface Warrant {
  readonly path: string;
  readonly number: number;
}

/** `live`: the guest runs while its memory is copied. `suspended`: it stands still for as long as that takes. */
export type MoveMode = "live" | "suspended";

export interface SendRequest {
  /** Live unless it is said. */
  readonly mode?: MoveMode | undefined;
  readonly source: Place;
  readonly destination: Place;
  readonly vm: VmSpec;
  readonly arrival: Arrival;
  readonly bandwidthMbps: number;
  /** Whether disks and memory travel under TLS, or as they are over a link that others answer for. */
  readonly encryption: "tls" | "none";
  /** Of the path, as measured. */
  readonly rttMs: number;
  /** How long the VM may be away, if it moves live. A copy that would take longer is helped along, and given up if that does not do. */
  readonly downtimeBudgetMs: number;
  readonly turns: readonly TurnTrigger[];
  /** By what right this is done, at each end; absent where no other controller can be. */
  readonly warrants?: { readonly source: Warrant; readonly destination: Warrant } | undefined;
  /**
   * Awaited when the disks are copied, before the memory's copy begins; the disks are kept alike meanwhile. The signal
   * tells that the move has failed while it waited. Resolves with what the path carries by then.
   */
  memoryTurn?(signal: AbortSignal): Promise<{ readonly bandwidthMbps: number }>;
  /** Asked once, if memory does not converge, before the guest is slowed down: a path that carries more. Absent: there is none. */
  moreBandwidth?(): Promise<More>;
  onProgress(progress: Progress): void;
  /** What is done about a copy that does not converge. */
  onNotice(line: string): void;
}

/** What a path carries from now on, or why not more. */
export type More = { readonly bandwidthMbps: number } | { readonly refused: string };

export interface Progress {
  readonly what: "disk" | "memory";
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  /** Which pass over the memory this is, from 1. */
  readonly round?: number;
  /** What the hypervisor expects the blackout to be if it switched now. */
  readonly expectedDowntimeMs?: number;
  /** How fast the guest dirties its memory. */
  readonly dirtiedBytesPerSecond?: number;
}

/** How fast a guest dirties its memory. A page counts once in the time for which it is looked at, however often it is written to, as a pass of a copy has to send it once. */
export interface DirtyRate {
  readonly overMs: number;
  readonly bytesPerSecond: number;
}

/** Looked at briefly and for longer: a guest that goes round in little memory has dirtied all of that in the shorter time already. */
export interface DirtyRates {
  readonly brief: DirtyRate;
  readonly long: DirtyRate;
}

/** How long a guest is looked at for its dirty rates, in ms. */
export const LOOK_MS = { brief: 100, long: 500 } as const;

/** An event of one of the two hypervisors, on the clock of its host (CLOCK_MONOTONIC). */
export interface TimedEvent {
  readonly at: "source" | "destination";
  readonly event: string;
  readonly atMs: number;
}

/** The state of the memory's copy when a pass over it was first seen. */
export interface Iteration {
  /** Since the copy of memory began. */
  readonly atMs: number;
  readonly sentBytes: number;
  readonly remainingBytes: number;
}

export interface Transfer {
  /** One for each pass over the memory. */
  readonly iterations: readonly Iteration[];
  readonly memoryBytes: number;
  /** What of the disks crossed the path: neither empty blocks nor discarded ones. */
  readonly diskBytes: number;
  /** 99 of 100 of the guest's writes to its disks took no longer while it moved; undefined if it wrote nothing. At most a tenth too high. */
  readonly writeP99Ms?: number | undefined;
  /** Source STOP to destination RESUME; undefined unless both hosts share a clock. */
  readonly blackoutMs: number | undefined;
  /** In order of time. The destination's are left out where the hosts share no clock: they could not be laid beside the source's. */
  readonly events: readonly TimedEvent[];
}

/** Port: whoever runs VMs at a host. Rejections: hypervisor.failed, host.*; of `send` with retry `unsafe` if it may have committed. */
export interface Hypervisor {
  survey(host: Host, storage: string, accelerator: Place["accelerator"]): Promise<Survey>;
  /** The machine type of a VM at the place that has it. */
  machineOf(place: Place): Promise<string>;
  /** Creates disks and network segment and starts the VM for the first time, if there is room for it. */
  start(place: Place, vm: VmSpec, epoch: number): Promise<void>;
  observe(place: Place): Promise<Observation>;
  /** The VM as recorded at a place that has it. */
  specOf(place: Place): Promise<VmSpec>;
  /**
   * Ends the VM and removes everything of it at this place but for what shall remain (nothing by default); what is not
   * there is fine. With `replica` it rejects, changing nothing, if this place has the VM.
   */
  remove(place: Place, vmName: string, remains?: Remains): Promise<void>;
  /** Ends what is left of a VM where it was before, and keeps its disks as the generation that arrived elsewhere. */
  retire(place: Place, vm: VmSpec, generation: string): Promise<void>;
  /**
   * Makes ready for an incoming VM: files, segment, a hypervisor that waits and never runs by itself. Room is taken
   * first, one VM at a time at a host; rejects with host.prerequisite-missing, nothing begun, if there is too little.
   */
  receive(destination: Place, vm: VmSpec, arrival: Arrival): Promise<void>;
  /** The generation that a place's disks are, or are built upon; undefined if there is none. */
  generationAt(place: Place): Promise<string | undefined>;
  /** SHA-256 of what each disk held when its generation began, over the digests of chunks of 1 MiB; undefined if it cannot be read. */
  digests(place: Place, vm: VmSpec): Promise<ReadonlyMap<string, string> | undefined>;
  /** What the disks' files take at a place, holes left out: all of it, and what was written since their generation began. */
  allocatedBytes(place: Place, vm: VmSpec): Promise<{ readonly all: number; readonly sinceGeneration: number }>;
  /**
   * How fast the guest dirties its memory now; takes about as long as it is looked at, and disturbs neither the guest nor a
   * move. Undefined if the guest does not run, or that cannot be told: by an older hypervisor, or while somebody else asks it.
   */
  dirtyRates(place: Place, vm: VmSpec): Promise<DirtyRates | undefined>;
  /** After an arrival onto a replica: makes the disks one layer shorter again, while the VM runs. Can be repeated. */
  settleDisks(place: Place, vm: VmSpec): Promise<void>;
  /**
   * Copies disks, while the VM runs, and memory, by the request's mode; and switches over. Resolves when it runs at the destination.
   * The disks are durable there before it is committed.
   */
  send(request: SendRequest): Promise<Transfer>;
  /**
   * After a send that failed: if it may have been committed, asks the destination. If it was, `destination`, and the VM runs
   * there. If not, it never will be from then on; the source is made to run, connected, and what waits there is removed: `source`.
   * Rejects, changing nothing, if the destination must be asked and cannot.
   */
  settle(source: Place, destination: Place, vm: VmSpec, mayHaveCommitted: boolean): Promise<"source" | "destination">;
  /** Where the source is dead: sees to it that the move to `destination` can never be committed and removes what waits there; `destination` if it was committed already. */
  refuse(destination: Place, vm: VmSpec): Promise<"source" | "destination">;
  /** Lets a VM run, connected, that a move which broke off left paused at the place that has it. One that runs is left as it is. */
  resume(place: Place, vm: VmSpec): Promise<void>;
  /** Where a VM died while it moved away: ends what the move had put beside it. What is not there is fine. */
  layToRest(place: Place, vm: VmSpec): Promise<void>;
}
