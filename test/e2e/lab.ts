import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { claim } from "../../examples/lab/alone.ts";
import { readDescription } from "../../examples/lab/description.ts";
import { type Lab, layOut } from "../../examples/lab/layout.ts";

const DESCRIPTION = fileURLToPath(new URL("lab.json", import.meta.url));
/** So many files run side by side (vitest.config.ts). */
export const LANES = 2;
/** The process of the file before takes a moment to end. */
const PATIENCE_MS = 60_000;

/**
 * The lab of a lane, in which files run one after the other. The first one's is lab.json's; each other differs in name,
 * directory, stack and ports.
 */
export function labOf(lane: number): Lab {
  const first = readDescription(DESCRIPTION);
  if (lane === 1) return layOut(first);
  const beyond = (port: number) => port + 10 * (lane - 1);
  const { ams, san, gateway, agents } = first.ports;
  return layOut({
    ...first,
    name: `${first.name}${lane}`,
    directory: `${first.directory}-${lane}`,
    stack: `${first.stack}-${lane}`,
    ports: {
      ...{ ams: beyond(ams), san: beyond(san), gateway: beyond(gateway) },
      agents: { ams: beyond(agents.ams), transit: beyond(agents.transit), san: beyond(agents.san) },
    },
  });
}

let own: Promise<Lab> | undefined;

/** The lab of this process, which runs one file: a lane that no other has, until it ends. */
export function ownLab(): Promise<Lab> {
  own ??= freeLane();
  return own;
}

async function freeLane(): Promise<Lab> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(200)) {
    for (let lane = 1; lane <= LANES; lane++) if (await isOurs(lane)) return labOf(lane);
  }
  throw new Error(`none of ${LANES} labs came free`);
}

/** Not by vitest's numbers of workers: one may be given twice. */
async function isOurs(lane: number): Promise<boolean> {
  const held = await claim(`turntable-e2e-${lane}`);
  held?.unref();
  return held !== undefined;
}
