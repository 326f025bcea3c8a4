/** VLANs from one to another, both included. */
export interface Vlans {
  readonly first: number;
  readonly last: number;
}

/** An STP as NSI names it: `urn:ogf:network:<domain>:<year>:<port>?vlan=1780-1783`. */
export interface LabelledStp {
  readonly stp: string;
  /** Undefined: it has no label, and the provider chooses. */
  readonly vlans: Vlans | undefined;
}

const MOST_VLAN = 4_094;

/** Undefined if it has a label of another kind, or none that makes sense. Of several ranges only the first is taken. */
export function parseStp(written: string): LabelledStp | undefined {
  const [stp = "", label, ...more] = written.split("?");
  if (!stp.startsWith("urn:ogf:network:") || more.length > 0) return undefined;
  if (label === undefined) return { stp, vlans: undefined };
  const found = /^vlan=(\d{1,4})(?:-(\d{1,4}))?(?:,[\d,-]*)?$/.exec(label);
  const [first, last] = [Number(found?.[1]), Number(found?.[2] ?? found?.[1])];
  if (found === null || first < 1 || last < first || last > MOST_VLAN) return undefined;
  return { stp, vlans: { first, last } };
}

/** An STP with one VLAN. */
export function withVlan(stp: string, vlan: number): string {
  return `${stp}?vlan=${vlan}`;
}
