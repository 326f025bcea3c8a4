import { TurntableError } from "../../errors.ts";
import type { ReserveRequest } from "../drac/wire.ts";
import { descriptionFor, seconds } from "./connection.ts";
import type { Line } from "./line.ts";
import { toldNot } from "./outcome.ts";
import type { AttachedPort, OscarsRecord } from "./record.ts";
import * as wire from "./wire.ts";

/** An end with the VLAN that it shall have. */
type ChosenPort = AttachedPort & { readonly vlan: number };

/** What a hold asks for beside rate and time. */
export interface Way {
  readonly ends: readonly [ChosenPort, ChosenPort];
  /** Devices and ports, in order; none within one device. */
  readonly ero: readonly string[];
  /** Undefined within one device. */
  readonly freeMbps: number | undefined;
}

/** Asks what is free at both ends, and for the way between them. Throws domain.refused with what is lacking. */
export async function findWay(
  line: Line,
  record: OscarsRecord,
  { from, to, bandwidthMbps, window }: Pick<ReserveRequest, "from" | "to" | "bandwidthMbps" | "window">,
): Promise<Way> {
  const [a, z] = [portOf(record, from), portOf(record, to)];
  const mbps = Math.ceil(bandwidthMbps);
  const interval = { beginning: beginning(window.start), ending: seconds(window.end) };
  const path = ["api", "topo", "available"];
  const free = await line.ask({ method: "POST", path, body: interval, answer: wire.json(wire.availableAnswer) });
  const ends = [
    { ...a, vlan: freeVlan(a, free, mbps) },
    { ...z, vlan: freeVlan(z, free, mbps) },
  ] as const;
  if (a.device === z.device) return { ends, ero: [], freeMbps: undefined };
  const asked = { interval, a: a.device, z: z.device, azBw: mbps, zaBw: mbps, include: [], exclude: [] };
  const body = wire.pathsRequest.parse(asked);
  const { fits } = await line.ask({
    ...{ method: "POST", path: ["api", "pce", "paths"], body },
    answer: wire.json(wire.pathsAnswer),
  });
  const freeMbps = Math.min(fits?.azAvailable ?? 0, fits?.zaAvailable ?? 0);
  if (fits && freeMbps >= mbps) return { ends, ero: fits.azEro.map(({ urn }) => urn), freeMbps };
  throw toldNot(`find a way for ${mbps} Mbps`, `none from ${a.device} to ${z.device} has them free`);
}

/** Both ends on one VLAN each, and between two devices the way that was found. */
export function holdFor(connectionId: string, wish: ReserveRequest, { ends: [a, z], ero }: Way): wire.HoldRequest {
  const mbps = Math.ceil(wish.bandwidthMbps);
  const fixture = ({ device, port, vlan }: ChosenPort) => ({
    ...{ junction: device, port, vlan, inMbps: mbps, outMbps: mbps, strict: false },
  });
  const pipe = { a: a.device, z: z.device, azMbps: mbps, zaMbps: mbps, ero: [...ero], exclude: [] };
  return wire.holdRequest.parse({
    ...{ connectionId, begin: beginning(wish.window.start), end: seconds(wish.window.end) },
    // Whose it is, OSCARS reads from the token.
    ...{ description: descriptionFor(wish), username: "" },
    ...{ mode: "MANUAL", phase: "HELD", state: "WAITING", tags: [], connection_mtu: wish.mtu },
    junctions: [...new Set([a.device, z.device])].map((device) => ({ device })),
    fixtures: [fixture(a), fixture(z)],
    pipes: a.device === z.device ? [] : [{ ...pipe, pceMode: "BEST", protect: false }],
  });
}

/** From now on. */
export function nextMinutes(minutes: number): ReserveRequest["window"] {
  const startMs = Date.now();
  return { start: new Date(startMs).toISOString(), end: new Date(startMs + minutes * 60_000).toISOString() };
}

function beginning(start: string): number {
  return Math.floor(Date.parse(start) / 1_000);
}

/** Where a site hangs. Throws input.invalid if the program does not say. */
function portOf({ ports }: OscarsRecord, stp: string): AttachedPort {
  const port = ports[stp];
  if (port !== undefined) return port;
  throw new TurntableError("input.invalid", `\`oscars.ports\` names no port of OSCARS's for ${stp}`, {
    retry: "never",
    next: "Declare that site's device, port and VLANs there.",
  });
}

/** The first of a port's VLANs that nobody has. Throws domain.refused if there is none, or too little else. */
function freeVlan({ port, vlans }: AttachedPort, free: wire.Available, mbps: number): number {
  const here = free[port];
  if (here === undefined) throw toldNot(`give a VLAN at ${port}`, "it knows no such port with anything to give");
  const mostMbps = Math.min(here.ingressBandwidth, here.egressBandwidth);
  if (mostMbps < mbps) throw toldNot(`give ${mbps} Mbps at ${port}`, `${mostMbps} Mbps are free there`);
  const vlan = vlans.find((one) => here.vlanRanges.some(({ floor, ceiling }) => floor <= one && one <= ceiling));
  if (vlan !== undefined) return vlan;
  throw toldNot(`give a VLAN at ${port}`, `of ${vlans.join(", ")} none is free`);
}
