import { z } from "zod";
import { location, pathChoice, placementInputs, transition } from "../../provider/controller/placement.ts";

type Labels = Readonly<Record<string, string>>;

/** A site as a rule sees it. */
export interface SiteUnderReview {
  readonly name: string;
  /** As the program declares them: jurisdiction, energy, … */
  readonly labels: Labels;
}

/** How a move gets its path. */
export interface PathUnderReview {
  readonly kind: "reserved" | "on-demand" | "fixed" | "nsi" | "oscars";
  /** The most that it may come to carry. */
  readonly bandwidthMbps: number;
  /** Whether what crosses it is encrypted: by the move itself, or by a fixed path that is declared to do so. */
  readonly encrypted: boolean;
}

/**
 * A VM as a rule sees it. Each property is read when it is asked for: one that is unknown in a preview keeps only those
 * rules from judging that ask for it, of which Pulumi then warns.
 */
interface VmUnderReview {
  /** Name of the VM. */
  readonly vm: string;
  readonly labels: Labels;
  readonly path: PathUnderReview;
  /** Whether it is suspended for the copy of its memory, or runs meanwhile. */
  readonly mode: "live" | "suspended";
  readonly downtimeBudgetMs: number;
}

/** A move that is about to be made. */
export interface MoveUnderReview extends VmUnderReview {
  readonly from: SiteUnderReview;
  readonly to: SiteUnderReview;
}

/** A VM that is about to be created at a site, or that stands there. */
export interface PlacementUnderReview extends VmUnderReview {
  readonly site: SiteUnderReview;
}

/** Inputs of a placement as a policy gets them. Reading an unknown one may throw, as @pulumi/policy has it. */
export type ReviewedProps = Readonly<Record<string, unknown>>;

/** What is to be judged is not what this version of the package knows. */
export class UnreviewableError extends Error {
  override readonly name = "UnreviewableError";
}

const [reserved, onDemand, fixed, nsi, oscars] = pathChoice.options;
const { name, labels, mode, downtimeBudgetMs } = placementInputs.shape;
// Only what rules may ask for: the rest of a path may still be unknown.
const path = z.discriminatedUnion("kind", [
  reserved.pick({ kind: true, bandwidthMbps: true, encryption: true }).strip(),
  nsi.pick({ kind: true, bandwidthMbps: true, encryption: true }).strip(),
  oscars.pick({ kind: true, bandwidthMbps: true, maxBandwidthMbps: true, encryption: true }).strip(),
  onDemand.pick({ kind: true, bandwidthMbps: true, maxBandwidthMbps: true, encryption: true }).strip(),
  fixed.pick({ kind: true, bandwidthMbps: true, encryption: true, encrypted: true }).strip(),
]);
const site = location.pick({ name: true, labels: true }).strip();

function read<S extends z.ZodType>(schema: S, props: ReviewedProps, key: string): z.output<S> {
  const parsed = schema.safeParse(props[key]);
  if (parsed.success) return parsed.data;
  throw new UnreviewableError(`\`${key}\` is not as expected: ${z.prettifyError(parsed.error)}`);
}

class Vm implements VmUnderReview {
  protected readonly props: ReviewedProps;

  constructor(props: ReviewedProps) {
    this.props = props;
  }
  get vm(): string {
    return read(name, this.props, "name");
  }
  get labels(): Labels {
    return read(labels, this.props, "labels");
  }
  get path(): PathUnderReview {
    const { kind, bandwidthMbps, encryption, ...link } = read(path, this.props, "lightpath");
    const byItself = "encrypted" in link && link.encrypted === true;
    const most = "maxBandwidthMbps" in link ? (link.maxBandwidthMbps ?? bandwidthMbps) : bandwidthMbps;
    return { kind, bandwidthMbps: most, encrypted: encryption !== "none" || byItself };
  }
  get mode(): "live" | "suspended" {
    return read(mode, this.props, "mode");
  }
  get downtimeBudgetMs(): number {
    return read(downtimeBudgetMs, this.props, "downtimeBudgetMs");
  }
}

/** The move in a placement's inputs. */
export class Move extends Vm implements MoveUnderReview {
  get from(): SiteUnderReview {
    return read(transition, this.props, "move").from;
  }
  get to(): SiteUnderReview {
    return read(transition, this.props, "move").to;
  }
}

/** The placement in a placement's inputs. */
export class Placement extends Vm implements PlacementUnderReview {
  get site(): SiteUnderReview {
    return read(site, this.props, "location");
  }
}
