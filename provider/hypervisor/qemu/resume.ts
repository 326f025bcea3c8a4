import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import { segmentOf } from "../../host/segment.ts";
import type { Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { abandonMirrors, dismissNearEnds } from "./mirror.ts";
import { requireMonitor } from "./monitor.ts";
import type { Qmp } from "./qmp.ts";
import { dismissGuards } from "./way/disk.ts";
import { closeWay } from "./way/memory.ts";

const status = z.looseObject({ status: z.string().optional() });
const OVER = ["none", "cancelled", "failed", "completed"];
const CANCEL_TIMEOUT_MS = 15_000;

/** See Hypervisor.resume. */
export async function resume(place: Place, vm: VmSpec): Promise<void> {
  const qmp = await requireMonitor(place, vm.name);
  try {
    await stopMigration(place, qmp);
    await abandonMirrors(place, qmp, vm);
    // Where the VM arrived, its disks were offered to where it came from.
    await qmp.execute("nbd-server-stop").catch(() => undefined);
    await dismissGuards(qmp);
    await closeWay(place);
    const { bridge, tap } = segmentOf(vm.name);
    await place.host.run(["ip", "link", "set", tap, "master", bridge]);
    await qmp.execute("cont");
  } finally {
    qmp.close();
  }
}

/** See Hypervisor.layToRest. */
export async function layToRest(place: Place, vm: VmSpec): Promise<void> {
  await dismissNearEnds(place, vm, "KILL");
  await closeWay(place);
}

async function stopMigration(place: Place, qmp: Qmp): Promise<void> {
  const statusNow = async () => (await qmp.query("query-migrate", status)).status ?? "none";
  if (OVER.includes(await statusNow())) return;
  await qmp.execute("migrate_cancel");
  for (const deadline = Date.now() + CANCEL_TIMEOUT_MS; !OVER.includes(await statusNow()); await sleep(50)) {
    if (Date.now() > deadline) throw staysOpen(place);
  }
}

function staysOpen({ site }: Place): TurntableError {
  const what = `the migration at ${site} could not be cancelled within ${CANCEL_TIMEOUT_MS / 1000} s`;
  return new TurntableError("hypervisor.failed", what, {
    ...{ retry: "unsafe", next: "Run `pulumi up` again: it looks at both sites first and tries again." },
  });
}
