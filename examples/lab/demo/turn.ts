import { z } from "zod";
import { type MoveRecord, moveRecord } from "../../../provider/controller/placement.ts";
import type { Inventory } from "../inventory.ts";
import { IMAGE_PROCESSING } from "../probe/guest-control.ts";
import type { PulumiCli } from "./pulumi.ts";
import { Watch, type WatchedMove } from "./watch.ts";

const outputs = z.looseObject({ site: z.string(), lastMove: moveRecord.optional() });

/** Seed and size of the file that the guest writes before the first move and checks after each. */
const FILE = { seed: 2006, sizeMiB: 4 };

export interface TurnOptions {
  /** Whether the guest works (30 MB/s of memory, 1 MB/s of disk) while it moves. */
  readonly load: boolean;
  say(line: string): void;
}

/** What a turn showed: the moves, and what was wrong with the guest's data or the session. */
export interface Turn {
  readonly moves: readonly WatchedMove[];
  readonly faults: readonly string[];
}

/** Places the VM at ams, moves it to san and back by changing one setting, with everyone watching. */
export async function turnAround(pulumi: PulumiCli, inventory: Inventory, options: TurnOptions): Promise<Turn> {
  const { say } = options;
  say("Placing the VM at ams");
  await pulumi.run("config", "set", "site", "ams");
  await pulumi.run("up", "--yes", "--skip-preview");
  const watch = await Watch.begin(inventory);
  try {
    await watch.guest.write(FILE.seed, FILE.sizeMiB);
    if (options.load) await watch.guest.load(IMAGE_PROCESSING);
    const moves: WatchedMove[] = [];
    const faults: string[] = [];
    for (const site of ["san", "ams"]) {
      say(`\nMoving the running VM to ${site}: pulumi config set site ${site} && pulumi up`);
      moves.push(await watch.during(() => moveTo(pulumi, site)));
      faults.push(...(await dataFaults(watch, site)));
    }
    return { moves, faults: [...moves.flatMap((move) => move.faults), ...faults] };
  } finally {
    await watch.stop();
  }
}

/** Changes the setting, runs `pulumi up`, and returns the record of the move that it exports. */
export async function moveTo(pulumi: PulumiCli, site: string): Promise<MoveRecord> {
  await pulumi.run("config", "set", "site", site);
  await pulumi.run("up", "--yes", "--skip-preview");
  const { lastMove } = outputs.parse(await pulumi.outputs());
  if (lastMove?.to === site) return lastMove;
  throw new Error(`the stack's outputs hold no record of a move to ${site}`);
}

async function dataFaults({ guest }: Watch, site: string): Promise<string[]> {
  try {
    await guest.verify();
    await guest.check(FILE.seed, FILE.sizeMiB);
    return [];
  } catch (thrown) {
    return [`at ${site} the guest's data is not what it was: ${thrown instanceof Error ? thrown.message : thrown}`];
  }
}
