import fc from "fast-check";
import type { Constraints } from "../../../provider/domain/paths/constraints.ts";
import { Network, type NetworkLink } from "../../../provider/domain/paths/network.ts";
import { Timetable } from "../../../provider/domain/paths/timetable.ts";
import type { Booked, World } from "./oracle.ts";

export const NAMES = ["a", "b", "c", "d", "e"] as const;
const LABELS = 3;
export const LAST_MS = 14;

const node = (id: string) => fc.record({ id: fc.constant(id), swapsLabels: fc.boolean() });
const link: fc.Arbitrary<Omit<NetworkLink, "id">> = fc.record({
  ends: fc
    .shuffledSubarray([...NAMES], { minLength: 2, maxLength: 2 })
    .map(([one = "a", other = "b"]) => [one, other] as const),
  capacityMbps: fc.constantFrom(3, 5, 8),
  delayMs: fc.nat({ max: 6 }),
  cost: fc.nat({ max: 6 }),
  riskGroups: fc.subarray(["duct", "bridge", "ferry"], { maxLength: 2 }),
  labels: fc.constantFrom(
    [[0, 0]] as const,
    [[1, 1]] as const,
    [[0, LABELS - 1]] as const,
    [
      [0, 0],
      [2, 2],
    ] as const,
  ),
});
const span = fc
  .tuple(fc.nat({ max: LAST_MS - 2 }), fc.integer({ min: 1, max: 6 }))
  .map(([fromMs, length]) => ({ fromMs, untilMs: fromMs + length }));

const booking = (links: number): fc.Arbitrary<Booked> =>
  fc
    .record({
      span,
      link: fc.nat({ max: links - 1 }),
      mbps: fc.integer({ min: 1, max: 4 }),
      label: fc.nat({ max: LABELS - 1 }),
    })
    .map(({ span: when, ...rest }) => ({ ...when, ...rest }));

/** A few nodes and links, with enough booked that ways are often full. */
export const world: fc.Arbitrary<World> = fc
  .tuple(fc.tuple(...NAMES.map(node)), fc.array(link, { minLength: 3, maxLength: 9 }))
  .chain(([nodes, links]) =>
    fc.record({
      nodes: fc.constant(nodes),
      links: fc.constant(links.map((one, index) => ({ ...one, id: `${index}` }))),
      bookings: fc.array(booking(links.length), { maxLength: 24 }),
    }),
  );

export const constraints: fc.Arbitrary<Constraints> = fc.record(
  {
    maxDelayMs: fc.nat({ max: 12 }),
    include: fc.subarray(["b", "c", "d"], { maxLength: 2 }),
    avoidNodes: fc.subarray(["b", "c", "d"], { maxLength: 1 }),
    avoidRiskGroups: fc.subarray(["duct", "bridge"], { maxLength: 1 }),
  },
  { requiredKeys: [] },
);

export function built({ nodes, links, bookings }: World) {
  const network = new Network(nodes, links);
  const timetable = new Timetable(network);
  for (const one of bookings) {
    const on = links[one.link];
    if (on !== undefined) timetable.book(on, one);
  }
  return { network, timetable };
}
