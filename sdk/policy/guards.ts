import {
  Move,
  type MoveUnderReview,
  Placement,
  type PlacementUnderReview,
  type ReviewedProps,
  UnreviewableError,
} from "./review.ts";

/** The type on which the guards match. */
export const VM_PLACEMENT_TYPE = "pulumi-nodejs:dynamic/turntable:VmPlacement";

/** What Pulumi gives a policy, as far as it is needed here: any version of @pulumi/policy fits. */
export interface PolicyArgs {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly props: ReviewedProps;
  /** The policy's configuration, already checked against its schema. */
  getConfig<T extends object>(): T;
}

export type ReportViolation = (message: string) => void;

/** What a policy's `validateResource` takes. */
export type Validation = (args: PolicyArgs, reportViolation: ReportViolation) => Promise<void>;

/** A rule. `subject` is typed, `args` is what Pulumi gave; each call of `reportViolation` is one refusal. */
export type Rule<Subject> = (
  subject: Subject,
  args: PolicyArgs,
  reportViolation: ReportViolation,
) => Promise<void> | void;

async function judge(args: PolicyArgs, reportViolation: ReportViolation, rule: () => Promise<void> | void) {
  try {
    await rule();
  } catch (thrown) {
    if (!(thrown instanceof UnreviewableError)) throw thrown;
    // What cannot be judged is not let through.
    reportViolation(
      `${args.name} cannot be reviewed: ${thrown.message}. Use the same version of pulumi-turntable in the program and in the policy pack.`,
    );
  }
}

/**
 * A policy's `validateResource` that calls `validate` exactly once for each move that is about to be made: while the
 * recorded site of a VM differs from the declared one. Moves that are made are not judged again.
 */
export function validateMove(validate: Rule<MoveUnderReview>): Validation {
  return async (args, reportViolation) => {
    if (args.type !== VM_PLACEMENT_TYPE || args.props.move === undefined) return;
    await judge(args, reportViolation, () => validate(new Move(args.props), args, reportViolation));
  };
}

/**
 * A policy's `validateResource` that calls `validate` once for each VM that is not about to move: at its creation, and
 * later wherever it stands, since Pulumi does not tell policies which of the two it is.
 */
export function validatePlacement(validate: Rule<PlacementUnderReview>): Validation {
  return async (args, reportViolation) => {
    if (args.type !== VM_PLACEMENT_TYPE || args.props.move !== undefined) return;
    await judge(args, reportViolation, () => validate(new Placement(args.props), args, reportViolation));
  };
}
