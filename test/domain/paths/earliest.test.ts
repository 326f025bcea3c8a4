import fc from "fast-check";
import { expect, it } from "vitest";
import { earliestWay } from "../../../provider/domain/paths/earliest.ts";
import { labelsFor } from "../../../provider/domain/paths/way.ts";
import { canBeLabelled, costOf, delayOf, everyWay, freeLabels, keeps } from "./oracle.ts";
import { built, constraints, LAST_MS, NAMES, world } from "./worlds.ts";

const asked = fc.record({
  mbps: fc.integer({ min: 1, max: 5 }),
  durationMs: fc.integer({ min: 1, max: 4 }),
  fromMs: fc.nat({ max: 6 }),
  constraints,
});

it("finds the earliest slot there is, and the cheapest way in it that keeps to every constraint", () => {
  let [found, later, none] = [0, 0, 0];
  fc.assert(
    fc.property(world, asked, (all, { mbps, durationMs, fromMs, constraints: kept }) => {
      const { network, timetable } = built(all);
      const window = { fromMs, untilMs: LAST_MS + 4 };
      const request = { from: "a", to: "e", mbps, durationMs, window, constraints: kept };
      const slot = earliestWay(network, timetable, request);

      const ways = everyWay(all, "a", "e").filter((way) => keeps(way, kept));
      const starts = Array.from({ length: window.untilMs - durationMs - fromMs + 1 }, (_, index) => fromMs + index);
      const spanOf = (startMs: number) => ({ fromMs: startMs, untilMs: startMs + durationMs });
      const startMs = starts.find((ms) => ways.some((way) => canBeLabelled(all, way, mbps, spanOf(ms))));
      if (startMs === undefined) {
        none++;
        expect(slot).toMatchObject({ kind: "none", proven: true });
        return;
      }
      if (startMs === fromMs) found++;
      else later++;
      if (slot.kind === "none") throw new Error(`a slot at ${startMs} was missed`);
      expect(slot.startMs).toBe(startMs);
      const open = ways.filter((way) => canBeLabelled(all, way, mbps, spanOf(startMs)));
      const least = Math.min(...open.map(costOf));
      const fastest = Math.min(...open.filter((way) => costOf(way) === least).map(delayOf));
      const { nodes, links, cost, delayMs } = slot.what;
      expect([cost, delayMs]).toEqual([least, fastest]);
      expect([costOf(slot.what), delayOf(slot.what), keeps(slot.what, kept)]).toEqual([cost, delayMs, true]);
      expect(new Set(nodes).size).toBe(nodes.length);

      const labels = labelsFor(network, slot.what, slot.free) ?? [];
      expect(labels).toHaveLength(links.length);
      links.forEach((link, index) => {
        expect(freeLabels(all, link, mbps, spanOf(startMs))).toContain(labels[index]);
        const swaps = all.nodes.find(({ id }) => id === nodes[index])?.swapsLabels;
        if (index > 0 && !swaps) expect(labels[index]).toBe(labels[index - 1]);
      });
    }),
    { numRuns: 1_500 },
  );
  // What is drawn is neither always free nor always full.
  for (const count of [found, later, none]) expect(count).toBeGreaterThan(5);
});

it("gives back exactly what was booked", () => {
  fc.assert(
    fc.property(world, asked, (all, { mbps, durationMs, fromMs, constraints: kept }) => {
      const { network, timetable } = built(all);
      const empty = built({ ...all, bookings: [] });
      for (const one of all.bookings) {
        const link = all.links[one.link];
        if (link !== undefined) timetable.cancel(link, one);
      }
      const request = { from: "a", to: "e", mbps, durationMs, window: { fromMs, untilMs: 30 }, constraints: kept };
      const [slot, first] = [
        earliestWay(network, timetable, request),
        earliestWay(empty.network, empty.timetable, request),
      ];
      expect(slot.kind).toBe(first.kind);
      if (slot.kind === "found") expect(slot.startMs).toBe(fromMs);
    }),
    { numRuns: 100 },
  );
});

it("does not know places that are not there", () => {
  const { network, timetable } = built({
    nodes: NAMES.map((id) => ({ id, swapsLabels: true })),
    links: [],
    bookings: [],
  });
  const request = { from: "a", to: "z", mbps: 1, durationMs: 1, window: { fromMs: 0, untilMs: 9 }, constraints: {} };
  expect(() => earliestWay(network, timetable, request)).toThrow("there is no node z");
});
