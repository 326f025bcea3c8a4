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
}

/** What a host offers, and everything it lacks to run VMs and take part in moves. */
export interface Survey {
  readonly cpus: number;
  readonly threads: number;
  readonly memoryMiB: number;
  readonly memoryAvailableMiB: number;
  readonly storageAvailableMiB: number;
  readonly hypervisor: string;
  readonly version: string;
  /** One sentence each; empty if nothing is missing. */
  readonly missing: readonly string[];
}

/**
 * What is really there.
 * - `absent`: no record of the VM.
 * - `active`: this place is recorded as the VM's; `run` is what the hypervisor says now.
 * - `incoming`: a move to this place was begun and not committed.
 */
export type Observation =
  | { readonly kind: "absent" }
  | {
      readonly kind: "active" | "incoming";
      readonly epoch: number;
      readonly run: "running" | "paused" | "dead";
    };

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

export interface SendRequest {
  readonly source: Place;
  readonly destination: Place;
  readonly vm: VmSpec;
  /** The epoch that begins with the switchover. */
  readonly epoch: number;
  readonly bandwidthMbps: number;
  readonly downtimeBudgetMs: number;
  readonly turns: readonly TurnTrigger[];
  /** By what right this is done, at each end; absent where no other controller can be. */
  readonly warrants?: { readonly source: Warrant; readonly destination: Warrant } | undefined;
  onProgress(progress: Progress): void;
}

export interface Progress {
  readonly what: "disk" | "memory";
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  /** Which pass over the memory this is, from 1. */
  readonly round?: number;
  /** What the hypervisor expects the blackout to be if it switched now. */
  readonly expectedDowntimeMs?: number;
}

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
  readonly diskBytes: number;
  /** Source STOP to destination RESUME; meaningful where both hosts share a clock, else undefined. */
  readonly blackoutMs: number | undefined;
  readonly events: readonly TimedEvent[];
}

/** Port: whoever runs VMs at a host. Rejections: hypervisor.failed, host.*; of `send` with retry `unsafe` if it may have committed. */
export interface Hypervisor {
  survey(host: Host, storage: string, accelerator: Place["accelerator"]): Promise<Survey>;
  /** Creates disks and network segment and starts the VM for the first time. */
  start(place: Place, vm: VmSpec, epoch: number): Promise<void>;
  observe(place: Place): Promise<Observation>;
  /** The VM as recorded at a place that has it. */
  specOf(place: Place): Promise<VmSpec>;
  /** Ends the VM and removes everything of it at this place (but for its disks, if told so); what is not there is fine. */
  remove(place: Place, vmName: string, options?: { readonly keepDisks: boolean }): Promise<void>;
  /** Makes ready for an incoming VM: files, segment, a hypervisor that waits and never runs by itself. */
  receive(destination: Place, vm: VmSpec, epoch: number): Promise<void>;
  /** Copies disks and memory while the VM runs, and switches over. Resolves when it runs at the destination, flushed. */
  send(request: SendRequest): Promise<Transfer>;
  /**
   * After a send that failed: if it may have been committed, asks the destination. If it was, `destination`. If not,
   * the waiting hypervisor there is ended first and then the source made to run, connected: `source`.
   * Rejects, changing nothing, if the destination must be asked and cannot.
   */
  settle(source: Place, destination: Place, vm: VmSpec, mayHaveCommitted: boolean): Promise<"source" | "destination">;
  /** Lets a VM run, connected, that a move which broke off left paused at the place that has it. One that runs is left as it is. */
  resume(place: Place, vm: VmSpec): Promise<void>;
}
