import type { PeerRight } from "./config.ts";
import type { Known } from "./load.ts";
import { Refused } from "./refused.ts";

/** Throws Refused (403) unless the peer is trusted with that. */
export function requireRight({ id, may }: Known, right: PeerRight): void {
  if (!may.includes(right)) throw new Refused(403, "peer.untrusted", `${id} may not ${wordsFor(right)}`);
}

function wordsFor(right: PeerRight): string {
  switch (right) {
    case "consent":
      return "ask for consent";
    case "coordinate":
      return "coordinate connections";
    case "tell":
      return "tell topologies";
    default:
      return right satisfies never;
  }
}
