import type { Entry, Fact } from "./entry.ts";

/** One record for people: number, time, what happened, to whom. */
export function lineOf({ sequence, at, fact, move }: Entry): string {
  const of = move === undefined ? "" : ` (move ${move})`;
  return `${sequence} ${at} ${wordsFor(fact)}${of}`;
}

function wordsFor(fact: Fact): string {
  switch (fact.event) {
    case "grant":
      return `grant ${fact.grant} to ${right(fact)}; agreed: ${fact.domains.join(", ")}`;
    case "withheld":
      return `grant ${fact.grant} withheld from ${right(fact)}; ${fact.by}: ${fact.reason}`;
    case "consent":
      return `consent to grant ${fact.grant} of ${fact.home} for ${right(fact)}`;
    case "token":
      return `token ${fact.token} under grant ${fact.grant} to ${right(fact)}${epochOf(fact)}`;
    case "revocation":
      return `${fact.token === undefined ? "" : `token ${fact.token} under `}grant ${fact.grant} of ${fact.home} revoked`;
    case "reserved":
      return `${name(fact)} reserved under grant ${fact.grant} for ${right(fact)}`;
    case "changed":
      return `${name(fact)} changed to ${fact.bandwidthMbps} Mbps, ${fact.window.start} to ${fact.window.end}`;
    case "lit":
      return `${name(fact)} lit`;
    case "dark":
      return `${name(fact)} dark after ${fact.seconds} s${fact.bytes === undefined ? "" : `, ${fact.bytes} bytes`}`;
    case "ended":
      return `${name(fact)} ended`;
    case "joined":
      return `${name(fact)} joined under grant ${fact.grant} by ${fact.subject} for ${fact.vm}${epochOf(fact)}`;
    case "refusal":
      return `refused ${fact.count} × ${fact.asked} to ${fact.caller}: ${fact.error} by ${fact.by}: ${fact.reason}`;
    default:
      return fact satisfies never;
  }
}

const epochOf = ({ epoch }: { readonly epoch?: number | undefined }) => (epoch === undefined ? "" : `, epoch ${epoch}`);

const name = (fact: { readonly coordinator: string; readonly connection: string }) =>
  `connection ${fact.connection} of ${fact.coordinator}`;

function right({ subject, vm, between, bandwidthMbps, window }: Extract<Fact, { between: [string, string] }>): string {
  return `${subject}: ${vm} between ${between.join(" and ")}, ${bandwidthMbps} Mbps, ${window.start} to ${window.end}`;
}
