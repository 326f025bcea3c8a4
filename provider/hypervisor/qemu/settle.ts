import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { files } from "./files.ts";
import { fenceProgram } from "./flight.ts";
import { remove } from "./removal.ts";
import { resume } from "./resume.ts";

/** Whoever has the record's lock needs it for a moment. */
const PATIENCE_SECONDS = 30;
const verdict = z.strictObject({ role: z.enum(["active", "refused"]) });

/** See Hypervisor.settle. While the source stands still, whoever guards it there may ask: what answers it goes last. */
export async function settle(
  source: Place,
  destination: Place,
  vm: VmSpec,
  mayHaveCommitted: boolean,
): Promise<"source" | "destination"> {
  if (mayHaveCommitted) {
    if ((await fence(destination)) === "active") {
      // Whoever committed may not have come to let it run.
      await resume(destination, vm);
      return "destination";
    }
  }
  await resume(source, vm);
  if (mayHaveCommitted) await remove(destination, vm.name, "replica");
  return "source";
}

/** See Hypervisor.refuse. */
export async function refuse(destination: Place, vm: VmSpec): Promise<"source" | "destination"> {
  if ((await fence(destination)) === "active") return "destination";
  await remove(destination, vm.name, "replica");
  return "source";
}

/** From here on the destination can no longer commit, unless it already has. */
async function fence(destination: Place): Promise<"active" | "refused"> {
  const { record } = files(destination.directory);
  const pilot = await destination.host.pilot(fenceProgram(), { path: record, patienceSeconds: PATIENCE_SECONDS });
  for await (const message of pilot.messages) return verdict.parse(message).role;
  const { stderr } = await pilot.ended;
  throw new TurntableError("host.command-failed", `${destination.host.name} did not say who has the VM: ${stderr}`, {
    retry: "unsafe",
    next: "Make that host reachable and run `pulumi up` again: it asks both sites before it does anything.",
  });
}
