import type { Context } from "../context.ts";
import type { Transfer } from "../hypervisor/hypervisor.ts";
import { authorize } from "./authorize.ts";
import { seatOf } from "./company.ts";
import { Course } from "./course.ts";
import { hold } from "./hold.ts";
import { Journal } from "./journal.ts";
import type { Lease } from "./lease.ts";
import { type LitPath, light } from "./light.ts";
import { migrate } from "./migrate.ts";
import { type Move, shelfOf } from "./move.ts";
import type { MoveRecord } from "./placement.ts";
import { bytesToMove, copyMs, LIGHT_MS, requireBudget, requireTime } from "./prediction.ts";
import { lesserMbps } from "./recast.ts";
import { release } from "./release.ts";
import { type Steering, stageTurns, steer } from "./steer.ts";
import { haveTime } from "./time-keeper.ts";
import { timelineOf } from "./timeline.ts";

const OLD_DISKS = { keep: "the old site's disks stay as a replica", wipe: "the old site's disks go" } as const;

const MIGRATES = {
  live: "disk and memory, then the switchover",
  suspended: "disk, then memory while the VM is suspended, and the switchover",
} as const;

/**
 * The whole story of a move (paper section 4): hold → authorize → light → migrate → steer → release.
 * Resolves with its record when the VM runs at its destination and everything borrowed was given back.
 * Rejects with move.failed: before the switchover everything was taken back and the VM runs where it was;
 * after it the VM runs at its destination, the next `up` finishes what is left, and what `onCommit` was given tells
 * the record as far as it is known.
 */
export async function relocate(
  move: Move,
  context: Context,
  lease: Pick<Lease, "lost">,
  onCommit: (soFar: () => MoveRecord) => void,
): Promise<MoveRecord> {
  const { from, to, vm, epoch } = move;
  const startedAt = new Date().toISOString();
  const title = `${vm.name} ${from.location.name} → ${to.location.name}`;
  const locations = [from.location, to.location];
  const header = { move: move.id, from: from.location.name, to: to.location.name, epoch, locations };
  const journal = new Journal(header, shelfOf(from));
  const course = new Course(title, journal, context.narrator, lease);
  const hypervisor = context.hypervisor(to.record.hypervisor);
  const steering: Steering = { tunnel: context.tunnel, gateway: (record) => context.hosts.open(record) };
  const recordOf = (path: LitPath, transfer: Transfer): MoveRecord => ({
    ...{ from: from.location.name, to: to.location.name, epoch, startedAt, mode: move.mode },
    ...(transfer.blackoutMs === undefined ? {} : { blackoutMs: transfer.blackoutMs }),
    ...{ memoryBytes: transfer.memoryBytes, diskBytes: transfer.diskBytes },
    ...(transfer.writeP99Ms === undefined ? {} : { writeP99Ms: transfer.writeP99Ms }),
    ...{ totalMs: course.totalMs, stages: { ...course.stagesMs }, ...timelineOf(transfer.events) },
    iterations: [...transfer.iterations],
    path: {
      ...(path.connectionId === undefined ? {} : { connectionId: path.connectionId }),
      ...{ hops: [...path.hops], bandwidthMbps: path.bandwidthMbps, rttMs: path.rttMs },
    },
  });
  const waits = (why: string) => course.say(`waits for ${why}`);
  const { berth, turns: queue, clearings } = seatOf(move, context);
  const shared = { berth, clearings, waits, say: (line: string) => course.say(line) };
  try {
    const arrival = await course.stage("hold", `host, memory and disk at ${to.host.name}`, async (undo) => {
      // Of other paths the length is known once they are reserved.
      if ("rttMs" in move.path) requireBudget(move, move.path.rttMs);
      const arrival = await hold(move, hypervisor, undo, (text) => course.warn(text));
      undo("the journal there", async () => journal.leave(shelfOf(to)));
      await journal.alsoOn(shelfOf(to));
      return arrival;
    });
    const permit = await course.stage("authorize", "consent of every domain on the way", (undo) =>
      authorize(move, context.aaa, journal, undo),
    );
    const path = await course.stage(
      "light",
      `a path through ${permit?.domains.join(", ") || "a fixed link"}`,
      (undo) => {
        if (permit) requireTime("light", LIGHT_MS, { what: "the token", end: permit.expiresAt });
        return light(move, permit, context.lightpath, journal, undo, shared);
      },
    );
    const { turns, transfer } = await course.stage("migrate", MIGRATES[move.mode], async (undo) => {
      requireBudget(move, path.rttMs);
      const copyingMs = copyMs(await bytesToMove(move, arrival, hypervisor), path.bandwidthMbps / path.sharers());
      await haveTime("migrate", copyingMs, path, (line) => course.say(line));
      const turns = await stageTurns(move, steering, undo);
      const transfer = await migrate(move, arrival, path, turns, hypervisor, course, queue);
      course.commit();
      onCommit(() => recordOf(path, transfer));
      return { turns, transfer };
    });
    await course.stage("steer", "clients' gateways point at the new site", () => steer(move, steering, turns));
    const kept = lesserMbps(move.path);
    const given = kept === undefined ? "the path" : `the path, but for ${kept} Mbps,`;
    await course.stage("release", `${given} and the grant; ${OLD_DISKS[move.replicas]}`, () =>
      release(move, path, permit, hypervisor, journal),
    );
    await journal.close();
    return recordOf(path, transfer);
  } catch (thrown) {
    throw await course.undo(thrown);
  } finally {
    berth.end();
  }
}
