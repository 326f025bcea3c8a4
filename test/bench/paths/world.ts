import { lowest, NO_LABELS } from "../../../provider/domain/paths/labels.ts";
import { type Arc, Network, type NetworkLink, type Vertex } from "../../../provider/domain/paths/network.ts";
import { type Taken, Timetable } from "../../../provider/domain/paths/timetable.ts";
import type { Random } from "./random.ts";

export interface Size {
  readonly domains: number;
  readonly links: number;
  readonly reservations: number;
}

export interface Booked extends Taken {
  readonly link: NetworkLink;
}

export interface World {
  readonly network: Network;
  readonly timetable: Timetable;
  readonly bookings: readonly Booked[];
}

export const HOUR_MS = 3_600_000;
export const HORIZON_MS = 30 * 24 * HOUR_MS;
const CHANNELS = 16;
const CAPACITIES_MBPS = [10_000, 40_000, 100_000];
/** That do not translate labels. */
const RIGID = 0.2;
const GROUPS = 60;

/** Domains on a plane, each joined to one before it, then more links between neighbours; a month of reservations on ways through it. */
export function makeWorld({ domains, links, reservations }: Size, random: Random): World {
  const places = Array.from({ length: domains }, (_, index) => {
    return { id: `d${index}`, x: random.next(), y: random.next(), swapsLabels: random.next() >= RIGID };
  });
  const nearest = (index: number, among: typeof places) => {
    const [self] = places.slice(index, index + 1);
    const far = (one: { x: number; y: number }) =>
      self === undefined ? 0 : Math.hypot(self.x - one.x, self.y - one.y);
    return among.filter((one) => one !== self).sort((one, other) => far(one) - far(other));
  };
  const made = Array.from({ length: links }, (_, index) => {
    const at = index < domains - 1 ? index + 1 : random.whole(0, domains - 1);
    const among = index < domains - 1 ? nearest(at, places.slice(0, at)).slice(0, 3) : nearest(at, places).slice(0, 12);
    return linkBetween(`l${index}`, random.of(places.slice(at, at + 1)), random.of(among), random);
  });
  const network = new Network(places, made);
  const timetable = new Timetable(network);
  const bookings: Booked[] = [];
  const vertices = [...network.vertices];
  for (let count = 0; count < reservations; ) {
    const booked = reservation({ network, timetable }, vertices, random);
    bookings.push(...booked);
    if (booked.length > 0) count++;
  }
  return { network, timetable, bookings };
}

interface Place {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

function linkBetween(id: string, one: Place, other: Place, random: Random): NetworkLink {
  const delayMs = Math.max(0.1, Math.hypot(one.x - other.x, one.y - other.y) * 50);
  return {
    ...{ id, ends: [one.id, other.id], capacityMbps: random.of(CAPACITIES_MBPS), delayMs },
    cost: Math.ceil(delayMs * (0.5 + random.next())),
    riskGroups: random.next() < 0.5 ? [`g${random.whole(1, GROUPS)}`] : [],
    labels: [[0, CHANNELS - 1]],
  };
}

/** On a cheap way of which every link has room for it; nothing if there is none here and then. */
function reservation(world: Omit<World, "bookings">, vertices: readonly Vertex[], random: Random): readonly Booked[] {
  const { network, timetable } = world;
  const to = random.of(vertices);
  const least = network.leastTo(to, "cost");
  const durationMs = random.whole(1, 16) * (HOUR_MS / 4);
  const fromMs = Math.floor(random.next() * (HORIZON_MS - durationMs));
  const span = { fromMs, untilMs: fromMs + durationMs };
  const mbps = random.whole(1, 40) * 100;
  const cost = (arc: Arc): number => arc.link.cost + (least.get(arc.to) ?? 0);
  const booked: Booked[] = [];
  for (let at = random.of(vertices); at !== to; ) {
    const here = least.get(at) ?? 0;
    const nearer = at.arcs.filter((arc) => (least.get(arc.to) ?? 0) < here);
    const [best, second] = nearer.sort((one, other) => cost(one) - cost(other));
    const { link, to: next } = random.of([best, second ?? best].flatMap((arc) => arc ?? []));
    const free = timetable.freeMbps(link, span) >= mbps ? timetable.freeLabels(link, span) : NO_LABELS;
    if (free === NO_LABELS) return [];
    booked.push({ ...span, mbps, label: lowest(free), link });
    at = next;
  }
  for (const { link, ...taken } of booked) timetable.book(link, taken);
  return booked;
}
