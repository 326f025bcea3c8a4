import { fileURLToPath } from "node:url";
import { readDescription } from "../../examples/lab/description.ts";
import { type Lab, layOut } from "../../examples/lab/layout.ts";

const DESCRIPTION = fileURLToPath(new URL("lab.json", import.meta.url));

/**
 * Files run side by side, and each worker has a lab of its own, in which its files run one after the other. The first
 * one's is lab.json's; each other differs in name, directory, stack and ports.
 */
export function labOf(worker: number): Lab {
  const first = readDescription(DESCRIPTION);
  if (worker === 1) return layOut(first);
  const beyond = (port: number) => port + 10 * (worker - 1);
  const { ams, san, gateway, agents } = first.ports;
  return layOut({
    ...first,
    name: `${first.name}${worker}`,
    directory: `${first.directory}-${worker}`,
    stack: `${first.stack}-${worker}`,
    ports: {
      ...{ ams: beyond(ams), san: beyond(san), gateway: beyond(gateway) },
      agents: { ams: beyond(agents.ams), transit: beyond(agents.transit), san: beyond(agents.san) },
    },
  });
}

/** The lab of the worker that asks. */
export function ownLab(): Lab {
  return labOf(Number(process.env.VITEST_POOL_ID));
}
