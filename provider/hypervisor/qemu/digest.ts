import { readFileSync } from "node:fs";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { files } from "./files.ts";

const PROGRAM = readFileSync(new URL("./digest.py", import.meta.url), "utf8");

const answer = z.union([
  z.strictObject({ digests: z.record(z.string(), z.string()) }),
  z.strictObject({ unreadable: z.string() }),
]);

/** See Hypervisor.digests. */
export async function digests(place: Place, vm: VmSpec): Promise<ReadonlyMap<string, string> | undefined> {
  const { disk } = files(place.directory);
  const disks = vm.disks.map(({ name, sizeMiB }) => ({ name, path: disk(name, "base"), bytes: sizeMiB * 2 ** 20 }));
  const pilot = await place.host.pilot(PROGRAM, { disks });
  for await (const message of pilot.messages) {
    const said = answer.parse(message);
    return "digests" in said ? new Map(Object.entries(said.digests)) : undefined;
  }
  const { stderr } = await pilot.ended;
  throw new TurntableError("host.command-failed", `${place.host.name} could not read ${vm.name}'s disks: ${stderr}`, {
    ...{ retry: "safe", next: "See that the host is up and its storage can be read, and run `pulumi up` again." },
  });
}
