import { afterAll, beforeAll, expect, test } from "vitest";
import { type Played, Player } from "./cell.ts";
import { type Lane, openLane } from "./lane.ts";
import { type Cell, nameOf } from "./result.ts";

/** Eight cells of the fault matrix, by the real CLI, and what each must show beside passing. */
const NAMED: readonly (Cell & { readonly shows: Partial<Played> })[] = [
  { fault: "lightpath cut", moment: "after continue", shows: { ran: "destination", tcpSurvived: true } },
  { fault: "destination QEMU killed", moment: "before continue", shows: { ran: "source", tcpSurvived: true } },
  { fault: "destination QEMU killed", moment: "after continue", shows: { ran: "source", tcpSurvived: true } },
  { fault: "controller killed", moment: "memory copy", shows: { ran: "source", tcpSurvived: true } },
  { fault: "source pilot killed", moment: "after continue", shows: { tcpSurvived: true } },
  { fault: "both cut for 5 s", moment: "after continue", shows: { tcpSurvived: true } },
  { fault: "destination disk full", moment: "disk copy", shows: { ran: "source", tcpSurvived: true } },
  { fault: "reservation ended", moment: "memory copy", shows: { ran: "source", tcpSurvived: true } },
];

let lane: Lane;
let player: Player;

beforeAll(async () => {
  lane = await openLane(8, "cli");
  player = new Player(lane);
}, 120_000);
afterAll(async () => {
  await player?.clear();
  await lane?.close();
}, 120_000);

test.each(NAMED.map((one) => ({ ...one, name: nameOf(one) })))(
  "$name: one VM, whole, nothing lost, nothing left",
  async ({ fault, moment, shows }) => {
    const played = await player.play({ fault, moment });
    expect(played.failures).toEqual([]);
    expect(played).toMatchObject(shows);
  },
);
