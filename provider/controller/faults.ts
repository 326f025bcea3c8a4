import { TurntableError } from "../errors.ts";
import type { End } from "./move.ts";
import type { Location } from "./placement.ts";
import type { Sighting, Whereabouts } from "./whereabouts.ts";

export function alreadyThere(vm: string, { host, place }: End): TurntableError {
  const what = `a VM named ${vm}, or what is left of one, is there already at ${host.name}, in ${place.directory}`;
  const next = "Choose another name; or see whose files these are, and move them away. Nothing is ever overwritten.";
  return new TurntableError("hypervisor.failed", what, { retry: "never", next });
}

export function notRunning(vm: string, { end, seen }: Sighting): TurntableError {
  const run = seen.kind === "active" ? seen.run : seen.kind;
  return new TurntableError(
    "hypervisor.failed",
    `${vm} is ${run} at ${end.location.name}: only a running VM can move`,
    {
      ...{ retry: "safe", next: `Look at qemu.log and serial.log in ${end.place.directory} and start it again.` },
    },
  );
}

export function doubled(vm: string, sites: readonly string[]): TurntableError {
  return new TurntableError("vm.doubled", `${vm} runs at ${sites.join(" and ")} at once`, {
    ...{ retry: "never", next: "Nothing is done before one of them is stopped by hand: decide which one is the VM." },
  });
}

const SILENT_SITE =
  "Make the site reachable: nothing is moved, started or removed while one is silent. If it is gone for good, `pulumi state delete` forgets the VM.";

export function silence(vm: string, silent: Whereabouts["silent"]): TurntableError {
  const sites = silent.map(({ site, reason }) => `${site} (${reason})`).join(", ");
  return new TurntableError("host.unreachable", `whether ${vm} is there cannot be asked of ${sites}`, {
    ...{ retry: "safe", next: SILENT_SITE },
  });
}

export function notFound(vm: string, locations: readonly Location[]): TurntableError {
  const sites = locations.map(({ name }) => name).join(", ");
  return new TurntableError("vm.not-found", `${vm} is at none of its sites (${sites})`, {
    ...{ retry: "never", next: "Run `pulumi refresh`: the next `pulumi up` then creates it anew." },
  });
}

export function restless(vm: string): TurntableError {
  return new TurntableError("move.failed", `${vm} was somewhere else each time it was looked for`, {
    ...{ retry: "safe", next: "Run `pulumi up` again: it finds the VM where it is then." },
  });
}
