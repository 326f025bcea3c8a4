export {
  type PolicyArgs,
  type ReportViolation,
  type Rule,
  type Validation,
  VM_PLACEMENT_TYPE,
  validateMove,
  validatePlacement,
} from "./guards.ts";
export type { MoveUnderReview, PathUnderReview, PlacementUnderReview, SiteUnderReview } from "./review.ts";
