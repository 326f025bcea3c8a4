import { z } from "zod";

const absolutePath = z
  .string()
  .regex(/^\/[\w./-]+$/, "must be an absolute path")
  .refine((path) => !path.split("/").includes(".."), "must not contain '..'");

/** A virtual machine, apart from where it runs. Paths are paths at the host. */
export const vmSpec = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be a short lower-case name"),
  /** Kernel and initial ramdisk; both must exist at every site the VM may run at, with the same contents. */
  image: z.strictObject({ kernel: absolutePath, initrd: absolutePath, commandLine: z.string().default("") }),
  disks: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9-]{0,15}$/),
        sizeMiB: z.int().positive(),
        /** Copied to make the disk at creation; an empty disk if absent. Needed only at the site of creation. */
        image: absolutePath.optional(),
      }),
    )
    .max(4),
  memoryMiB: z.int().min(64),
  vcpus: z.int().min(1).max(64).default(1),
  network: z.strictObject({
    /** "10.1.1.2/24": the VM keeps it wherever it runs. */
    address: z.cidrv4(),
    gateway: z.ipv4(),
    mac: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, "must be a lower-case MAC address"),
  }),
});

export type VmSpec = z.output<typeof vmSpec>;
