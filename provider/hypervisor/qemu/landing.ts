import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../../errors.ts";
import type { SendRequest } from "../hypervisor.ts";
import type { Flight, Landing } from "./flight.ts";
import type { Flights } from "./pilots.ts";

/** A gateway is given 30 s to hear of its turn. */
const LANDING_TIMEOUT_MS = 60_000;
const GIVING_UP_TIMEOUT_MS = 10_000;
/** The source's pilot asks for as long as it must; the controller has ways of its own to ask. */
const ASKING_TIMEOUT_MS = 15_000;
/** Once the VM runs at the destination, the source's last word is only for the record. */
const RELEASE_TIMEOUT_MS = 5_000;

export interface Landings {
  readonly source: Landing;
  readonly destination: Landing;
}

/**
 * Resolves when both pilots have landed or will not be waited for any longer. Whoever comes down first without having
 * done its part takes the other one along: before the switchover that undoes it, after it it changes nothing.
 */
export async function land({ source, destination }: Flights): Promise<Landings> {
  const early = await Promise.race([overdue(source).then(() => undefined), destination.landed]);
  if (early?.kind === "settled") return { source: await within(RELEASE_TIMEOUT_MS, source.landed), destination: early };
  if (early) source.leave();
  const here = await overdue(source);
  const crossed = here.kind === "released";
  if (!crossed) destination.leave();
  const there = await within(crossed ? LANDING_TIMEOUT_MS : GIVING_UP_TIMEOUT_MS, destination.landed);
  return { source: here, destination: there };
}

/** Tells both pilots to give up, and waits until they have. */
export async function giveUp({ source, destination }: Flights): Promise<Landings> {
  source.leave();
  const here = await within(GIVING_UP_TIMEOUT_MS, source.landed);
  destination.leave();
  return { source: here, destination: await within(GIVING_UP_TIMEOUT_MS, destination.landed) };
}

/** Whether only the destination can tell who has the VM. */
export function mayHaveCommitted(source: Flight, landing: Landing): boolean {
  if (landing.kind === "kept") return false;
  return source.said("point-of-no-return") || landing.kind === "vanished";
}

/** Whether a pilot came down by itself, and so knows better than anybody else why the move failed. */
export const fellByItself = ({ kind }: Landing): boolean => kind === "failed" || kind === "vanished";

export function failedMigration(
  { source, destination }: SendRequest,
  landings: Landings,
  retry: "safe" | "unsafe",
): TurntableError {
  const said = (end: Landing) => ("reason" in end && end.reason ? `${end.kind}: ${end.reason}` : end.kind);
  const [here, there] = [said(landings.source), said(landings.destination)];
  return new TurntableError(
    "hypervisor.failed",
    `the migration from ${source.site} to ${destination.site} failed: source says "${here}", destination "${there}"`,
    {
      retry,
      next: "Look whether the lightpath passes frames from end to end, and see qemu.log beside the VM's files at both hosts.",
    },
  );
}

/** Its landing, or that it has asked for too long. */
async function overdue(source: Flight): Promise<Landing> {
  const reason = `it asks the destination for its verdict and has had no answer for ${ASKING_TIMEOUT_MS / 1000} s`;
  const unanswered = source.asking.then(() =>
    sleep(ASKING_TIMEOUT_MS, { kind: "vanished", reason } as const, { ref: false }),
  );
  return await Promise.race([source.landed, unanswered]);
}

async function within(timeoutMs: number, landed: Promise<Landing>): Promise<Landing> {
  const timer = new AbortController();
  const reason = `nothing was heard of it for ${timeoutMs / 1000} s`;
  const late = sleep(timeoutMs, { kind: "vanished", reason } as const, { signal: timer.signal });
  late.catch(() => undefined);
  try {
    return await Promise.race([landed, late]);
  } finally {
    timer.abort();
  }
}
