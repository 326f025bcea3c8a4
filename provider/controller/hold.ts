import { TurntableError } from "../errors.ts";
import type { Arrival, Hypervisor, Survey } from "../hypervisor/hypervisor.ts";
import { incompatibilities } from "./broker.ts";
import type { Undo } from "./course.ts";
import type { End, Move } from "./move.ts";
import { foundation } from "./replica.ts";

/** Beside the guest's memory QEMU needs some of its own. */
const QEMU_OVERHEAD_MIB = 96;

/**
 * Takes host, CPU, memory and disk at the destination ahead of the move (the paper's Broker): checks what is there and
 * lists all that is not, then has the hypervisor take the room and wait with everything allocated. A replica of the VM's that stands there is built upon.
 */
export async function hold(
  move: Move,
  hypervisor: Hypervisor,
  undo: Undo,
  warn: (text: string) => void,
): Promise<Arrival> {
  const { from, to, vm } = move;
  const machine = await hypervisor.machineOf(from.place);
  const [here, there] = await Promise.all([from, to].map((end) => surveyed(end, hypervisor)));
  if (!here || !there) throw new TypeError("a move has two ends");
  const lacks = [
    ...there.survey.missing,
    ...shortages(there.survey, move),
    ...incompatibilities(machine, here, there),
    ...(await imageFaults(move)),
    ...((await isVacant(to, hypervisor)) ? [] : [`${to.place.directory} holds files that this move did not put there`]),
  ];
  if (lacks.length > 0) {
    throw new TurntableError(
      "host.prerequisite-missing",
      `${to.host.name} cannot take ${vm.name}: ${lacks.join("; ")}`,
      {
        retry: "safe",
        next: "Provide what is missing there, or choose another site.",
      },
    );
  }
  const onto = await foundation({ from: from.place, to: to.place, vm }, hypervisor, warn);
  const arrival: Arrival = { epoch: move.epoch, generation: move.id, machine, onto };
  undo(`what was prepared at ${to.location.name}`, () => hypervisor.remove(to.place, vm.name, "replica"));
  await hypervisor.receive(to.place, vm, arrival);
  return arrival;
}

async function surveyed(end: End, hypervisor: Hypervisor) {
  const { storage, accelerator } = end.record;
  return { ...end, survey: await hypervisor.survey(end.host, storage, accelerator) };
}

/** Whether nothing but a replica stands where the VM's files would: disks that were kept, or another's VM, are never overwritten. */
async function isVacant({ host, place }: End, hypervisor: Hypervisor): Promise<boolean> {
  if ((await host.list(place.directory)).length === 0) return true;
  return (await hypervisor.observe(place)).kind === "replica";
}

function shortages(survey: Survey, { vm }: Move): string[] {
  const diskMiB = vm.disks.reduce((sum, disk) => sum + disk.sizeMiB, 0);
  const memoryMiB = vm.memoryMiB + QEMU_OVERHEAD_MIB;
  return [
    ...(survey.memoryAvailableMiB < memoryMiB ? [`${survey.memoryAvailableMiB} of ${memoryMiB} MiB memory free`] : []),
    ...(survey.storageAvailableMiB < diskMiB ? [`${survey.storageAvailableMiB} of ${diskMiB} MiB storage free`] : []),
    ...(survey.threads < vm.vcpus ? [`${survey.threads} threads for ${vm.vcpus} virtual CPUs`] : []),
  ];
}

/** A VM that reboots at its new site must find the kernel it had. */
async function imageFaults({ from, to, vm }: Move): Promise<string[]> {
  const { kernel, initrd } = vm.image;
  const [here, there] = await Promise.all([digests(from, [kernel, initrd]), digests(to, [kernel, initrd])]);
  return [kernel, initrd].flatMap((path) => {
    if (!there.has(path)) return [`${path} is not there`];
    return there.get(path) === here.get(path) ? [] : [`${path} differs from the one at ${from.location.name}`];
  });
}

async function digests(end: End, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await end.host.run(["sha256sum", "--", ...paths], { allowFailure: true, timeoutMs: 60_000 });
  return new Map(
    [...stdout.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm)].map(([, digest = "", path = ""]) => [path, digest] as const),
  );
}
