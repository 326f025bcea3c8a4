import { access, readdir } from "node:fs/promises";
import { TurntableError } from "../../../provider/errors.ts";

export interface Kernel {
  /** As in "6.1.0-56-cloud-amd64". */
  readonly version: string;
  /** Absolute path of the compressed kernel. */
  readonly image: string;
  /** Absolute path of the directory with its modules. */
  readonly modules: string;
}

/**
 * The newest installed kernel that has its modules, kernels made for virtual machines first.
 *
 * @throws TurntableError `host.prerequisite-missing` if there is none
 */
export async function findKernel(): Promise<Kernel> {
  const names = (await readdir("/boot")).filter((name) => name.startsWith("vmlinuz-"));
  const versions = names.map((name) => name.slice("vmlinuz-".length)).sort(byPreference);
  for (const version of versions) {
    const kernel = { version, image: `/boot/vmlinuz-${version}`, modules: `/lib/modules/${version}` };
    if (await readable(`${kernel.modules}/modules.dep`)) return kernel;
  }
  throw new TurntableError(
    "host.prerequisite-missing",
    "No kernel with modules was found in /boot for the lab's guest",
    {
      retry: "never",
      next: "Install a distribution kernel, on Debian linux-image-cloud-amd64.",
    },
  );
}

function byPreference(left: string, right: string): number {
  const cloud = Number(right.endsWith("-cloud-amd64")) - Number(left.endsWith("-cloud-amd64"));
  return cloud !== 0 ? cloud : right.localeCompare(left, "en", { numeric: true });
}

async function readable(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
