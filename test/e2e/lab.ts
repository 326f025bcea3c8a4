import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
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
  own ??= claim();
  return own;
}

async function claim(): Promise<Lab> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(200)) {
    for (let lane = 1; lane <= LANES; lane++) if (await isOurs(lane)) return labOf(lane);
  }
  throw new Error(`none of ${LANES} labs came free`);
}

/** An abstract unix socket has no file, is bound by one process at a time, and goes with that process. Vitest's numbers of workers are not: one may be given twice. */
function isOurs(lane: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy()).unref();
    server.once("error", () => resolve(false)).listen(`\0turntable-e2e-${lane}`, () => resolve(true));
  });
}
