import type { MoveUnderReview, PlacementUnderReview } from "pulumi-turntable/policy";

/** "web: ams → san is refused by the rule embargo: …". `reason` says why and what would be allowed. */
export function refusedMove({ vm, from, to }: MoveUnderReview, rule: string, reason: string): string {
  return `${vm}: ${from.name} → ${to.name} is refused by the rule ${rule}: ${reason}`;
}

/** "web: at san, it is refused by the rule embargo: …". */
export function refusedPlacement({ vm, site }: PlacementUnderReview, rule: string, reason: string): string {
  return `${vm}: its place at ${site.name} is refused by the rule ${rule}: ${reason}`;
}
