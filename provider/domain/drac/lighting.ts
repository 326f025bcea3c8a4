import { reasonOf } from "../../errors.ts";
import { CLOCK_TOLERANCE_MS } from "../clock-tolerance.ts";
import type { Element, Joint } from "../element/element.ts";
import type { OwnLinks } from "../element/own-links.ts";
import { Refused } from "../refused.ts";
import type { StoredSegment } from "./stored/segment.ts";
import { type SegmentStore, turn } from "./stored/segments.ts";

/** What is lit and put out is and stays reserved; what is over stays over. */
const LIVE = ["reserved", "provisioned"] as const;
/** Between one try to light what could not be lit when its time came and the next. */
const AGAIN_MS = 5_000;

export interface LightingParts {
  readonly domain: string;
  readonly store: SegmentStore;
  readonly element: Element;
  readonly links: Pick<OwnLinks, "require">;
}

/** The data plane of what is provisioned: lit from the beginning of its window on, dark at its end or when it is released. */
export class Lighting {
  readonly #parts: LightingParts;
  readonly #end: (segment: StoredSegment) => Promise<void>;
  readonly #lit = new Set<string>();
  readonly #againMs = new Map<string, number>();

  /** `end` takes down what is over. */
  constructor(parts: LightingParts, end: (segment: StoredSegment) => Promise<void>) {
    this.#parts = parts;
    this.#end = end;
  }

  /** After a restart: the switch does what the store says. */
  async restore(): Promise<void> {
    const now = (await this.#provisioned()).filter(isNow);
    await this.#parts.element.restore(now.map((segment) => this.#joint(segment)));
    for (const segment of now) this.#lit.add(keyOf(segment));
  }

  /** Frames pass from now on, or, if its time is to come, from then on. Rejects with Refused if it is over, a link is down, its channel is still another's, or the switch does not do as told. */
  async provision(segment: StoredSegment): Promise<void> {
    const { domain, store, element } = this.#parts;
    // Clocks differ: it may have begun for others a little before it does here.
    const begins = segment.startMs <= Date.now() + CLOCK_TOLERANCE_MS;
    if (begins) await this.#vacate(segment);
    // Noted first: whatever is lit is known to be, also after a crash in between.
    if (!(await turn(store, segment, LIVE, "provisioned")))
      throw new Refused(409, "connection.over", `${segment.id} is over`);
    if (!begins) return;
    try {
      await this.#light(segment);
    } catch (thrown) {
      // Where even that fails it stays on record as lit, so that its release is tried again.
      await element.part(this.#joint(segment)).then(
        () => turn(store, segment, LIVE, "reserved"),
        () => undefined,
      );
      if (thrown instanceof Refused) throw thrown;
      const reason = `the switch of ${domain} did not light ${segment.id}: ${reasonOf(thrown)}`;
      throw new Refused(502, "element.failed", reason, domain);
    }
  }

  /** What is lit goes on at this rate; what is not will be lit at it. */
  async adjust(segment: StoredSegment): Promise<void> {
    if (this.#lit.has(keyOf(segment))) await this.#parts.element.adjust(this.#joint(segment));
  }

  async release(segment: StoredSegment): Promise<void> {
    await this.#parts.element.part(this.#joint(segment));
    this.#lit.delete(keyOf(segment));
    this.#againMs.delete(keyOf(segment));
    await turn(this.#parts.store, segment, LIVE, "reserved");
  }

  /** Lights what was provisioned ahead and whose time has come; what fails is tried again, and the first failure told. */
  async tend(): Promise<void> {
    const nowMs = Date.now();
    const due = (await this.#provisioned()).filter((segment) => {
      const key = keyOf(segment);
      return isNow(segment) && !this.#lit.has(key) && (this.#againMs.get(key) ?? 0) <= nowMs;
    });
    const lit = due.map(async (segment) => {
      this.#againMs.set(keyOf(segment), nowMs + AGAIN_MS);
      await this.#vacate(segment);
      await this.#light(segment);
    });
    const failure = (await Promise.allSettled(lit)).find((one) => one.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }

  async #light(segment: StoredSegment): Promise<void> {
    await this.#parts.links.require(segment.ends);
    await this.#parts.element.join(this.#joint(segment));
    this.#lit.add(keyOf(segment));
    this.#againMs.delete(keyOf(segment));
  }

  /** Takes down what has ended on the same terminals but is not yet noticed; what has not ended keeps them. */
  async #vacate(segment: StoredSegment): Promise<void> {
    const sharing = (await this.#provisioned()).filter(
      (other) => keyOf(other) !== keyOf(segment) && this.#lit.has(keyOf(other)) && sharesTerminal(other, segment),
    );
    for (const other of sharing) {
      if (other.endMs > Date.now()) {
        throw new Refused(409, "channel.taken", "its channel is still lit for another connection");
      }
      await this.#end(other);
    }
  }

  /** The switches of several domains may stand in one namespace: the key names the domain too. */
  #joint({ coordinator, id, ends, bandwidthMbps, mtu }: StoredSegment): Joint {
    const key = `${this.#parts.domain} ${coordinator} ${id}`;
    return { key, coordinator, connection: id, ends, bandwidthMbps, mtu };
  }

  async #provisioned(): Promise<readonly StoredSegment[]> {
    return await this.#parts.store.inState("provisioned");
  }
}

const keyOf = ({ coordinator, id }: StoredSegment): string => `${coordinator} ${id}`;

const isNow = ({ startMs, endMs }: StoredSegment): boolean => startMs <= Date.now() && Date.now() < endMs;

function sharesTerminal(one: StoredSegment, other: StoredSegment): boolean {
  return one.ends.some((mine) =>
    other.ends.some(({ port, channel }) => port === mine.port && channel === mine.channel),
  );
}
