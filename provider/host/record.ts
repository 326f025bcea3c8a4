import { z } from "zod";

const absolutePath = z
  .string()
  .regex(/^\/[\w./-]+$/, "must be an absolute path of letters, digits, '.', '_', '-' and '/'")
  .refine((path) => !path.split("/").includes(".."), "must not contain '..'");
const deviceName = z.string().regex(/^[A-Za-z][\w.-]{0,14}$/, "must be a network device's name");

/** Where a host is and how to be sure that it is that host: all that is needed to reach it but the key. */
export const hostRecord = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be a short lower-case name"),
  address: z.string().min(1),
  port: z.int().min(1).max(65535).default(22),
  user: z.string().min(1).default("root"),
  /** As in known_hosts: "ssh-ed25519 AAAA…". Pinned: another key is refused. */
  hostKey: z
    .string()
    .regex(
      /^(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]+$/,
      "must be '<type> <base64>' as in known_hosts",
    ),
  /** Folder under which VMs (or, at a gateway, tunnels) keep their files. */
  storage: absolutePath,
});

/** A host that runs VMs. */
export const hypervisorHostRecord = hostRecord.extend({
  hypervisor: z.enum(["qemu"]).default("qemu"),
  /** `tcg` (emulation) only where KVM cannot be had; both ends of a move must agree. */
  accelerator: z.enum(["kvm", "tcg"]).default("kvm"),
  /** The port towards the domain's optical switch: its address when lit, and a device per channel (index = channel). */
  lightpath: z.strictObject({ address: z.ipv4(), devices: z.array(deviceName).min(1) }),
  /** Its address on the routed network, where tunnels end. */
  tunnel: z.strictObject({ address: z.ipv4() }),
});

export type HostRecord = z.output<typeof hostRecord>;
export type HypervisorHostRecord = z.output<typeof hypervisorHostRecord>;
