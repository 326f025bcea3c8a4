import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Place } from "../hypervisor.ts";
import { files, recordText, type VmRecord } from "./files.ts";

const source = (name: string) => readFileSync(new URL(`./${name}.py`, import.meta.url), "utf8");
const PROGRAM = `${source("room")}\n${source("claim")}`;

const answer = z.strictObject({ lacks: z.array(z.string()) });

/**
 * Writes the record of a VM that shall be here, which holds memory, CPUs and storage for it: of two that want the last
 * room one gets it. Rejects with host.prerequisite-missing, nothing written, with everything that is too little.
 */
export async function claim(place: Place, record: VmRecord): Promise<void> {
  const { host, directory } = place;
  const parameters = { storage: path.dirname(directory), path: files(directory).record, record: recordText(record) };
  const pilot = await host.pilot(PROGRAM, parameters);
  for await (const message of pilot.messages) {
    const { lacks } = answer.parse(message);
    if (lacks.length > 0) throw noRoom(place, record, lacks);
    return;
  }
  const { stderr } = await pilot.ended;
  throw new TurntableError("host.command-failed", `${host.name} took no claim for ${record.vm.name}: ${stderr}`, {
    ...{ retry: "safe", next: "See that its storage can be written, and run `pulumi up` again." },
  });
}

function noRoom({ host }: Place, { vm }: VmRecord, lacks: readonly string[]): TurntableError {
  return new TurntableError("host.prerequisite-missing", `${host.name} cannot take ${vm.name}: ${lacks.join("; ")}`, {
    ...{ retry: "safe", next: "Make room there, or choose another site; room that is held comes free after its move." },
  });
}
