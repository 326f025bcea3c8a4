import { z } from "zod";
import type { VmSpec } from "../vm-spec.ts";
import type { Qmp } from "./qmp.ts";

const NS_PER_MS = 1e6;
/** The edges of a histogram's bins, each a tenth above the one before: what is read from it is at most a tenth too high. */
const FIRST_EDGE_MS = 0.05;
const LAST_EDGE_MS = 60_000;
const STEP = 1.1;
export const EDGES_NS: readonly number[] = Array.from(
  { length: 1 + Math.ceil(Math.log(LAST_EDGE_MS / FIRST_EDGE_MS) / Math.log(STEP)) },
  (_, index) => Math.round(FIRST_EDGE_MS * STEP ** index * NS_PER_MS),
);

const histogram = z.looseObject({ boundaries: z.array(z.number()), bins: z.array(z.number()) });
const blockStats = z.array(
  z.looseObject({ qdev: z.string().optional(), stats: z.looseObject({ wr_latency_histogram: histogram.optional() }) }),
);

/**
 * How long a guest's writes to its disks take, each from its request to its completion, as the hypervisors count them
 * (QMP reference, block-latency-histogram-set). What the guest waited for while it was stopped is not among it.
 */
export class WriteLatency {
  readonly #vm: VmSpec;
  readonly #ends: readonly Qmp[];

  private constructor(vm: VmSpec, ends: readonly Qmp[]) {
    this.#vm = vm;
    this.#ends = ends;
  }

  /** Begins to count at every hypervisor that has the VM's disks, from nothing. */
  static async begin(vm: VmSpec, ends: readonly Qmp[]): Promise<WriteLatency> {
    for (const qmp of ends) await countFrom(qmp, vm, EDGES_NS);
    return new WriteLatency(vm, ends);
  }

  /**
   * Ends the counting; resolves with how long 99 of 100 writes took at most, in ms: the edge of a bin, see EDGES_NS.
   * Undefined if there were no writes. A hypervisor that has ended meanwhile counts for nothing.
   */
  async p99Ms(): Promise<number | undefined> {
    const counted = await Promise.all(this.#ends.map((qmp) => this.#end(qmp).catch(() => [])));
    return quantileMs(counted.flat(), 0.99);
  }

  async #end(qmp: Qmp): Promise<readonly (readonly number[])[]> {
    const all = await qmp.query("query-blockstats", blockStats);
    await countFrom(qmp, this.#vm, []);
    return all.flatMap(({ stats }) => (stats.wr_latency_histogram ? [stats.wr_latency_histogram.bins] : []));
  }
}

/** A virtio disk is a PCI device around what has the drive (QEMU's object tree). */
const backendOf = (disk: string) => `/machine/peripheral/${disk}/virtio-backend`;

/** With no edges nothing is counted any more. */
async function countFrom(qmp: Qmp, vm: VmSpec, edges: readonly number[]): Promise<void> {
  for (const { name } of vm.disks) {
    const bins = edges.length > 0 ? { "boundaries-write": edges } : {};
    await qmp.execute("block-latency-histogram-set", { id: backendOf(name), ...bins });
  }
}

/** The edge, in ms, below which that share of what was counted lies, over several histograms with these edges; of what lies above the last, the last. */
export function quantileMs(histograms: readonly (readonly number[])[], share: number): number | undefined {
  const bins = EDGES_NS.map((_, bin) => histograms.reduce((sum, one) => sum + (one[bin] ?? 0), 0));
  const total = histograms.flat().reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  const wanted = Math.ceil(share * total);
  let seen = 0;
  const found = bins.findIndex((count) => {
    seen += count;
    return seen >= wanted;
  });
  const edgeMs = (EDGES_NS.at(found) ?? Number.NaN) / NS_PER_MS;
  return Number(edgeMs.toPrecision(3));
}
