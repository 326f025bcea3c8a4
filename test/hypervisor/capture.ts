import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Place } from "../../provider/hypervisor/hypervisor.ts";

const found = z.strictObject({
  frames: z.int(),
  bytes: z.int(),
  dropped: z.int(),
  found: z.record(z.string(), z.int()),
});

export type Captured = z.output<typeof found>;

/** Looks through all that passes a host's end of the path, either way, for things known. Resolves when it looks. */
export async function capture(place: Place, known: Readonly<Record<string, Buffer>>): Promise<() => Promise<Captured>> {
  const markers = Object.fromEntries(Object.entries(known).map(([name, bytes]) => [name, bytes.toString("hex")]));
  const program = readFileSync(new URL("./capture.py", import.meta.url), "utf8");
  const pilot = await place.host.pilot(program, { device: "lp0", markers });
  const messages = pilot.messages[Symbol.asyncIterator]();
  await messages.next();
  return async () => {
    pilot.close();
    return found.parse((await messages.next()).value);
  };
}
