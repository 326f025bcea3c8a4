import type { Hypervisor } from "../hypervisor.ts";
import { observe, receive, remove, specOf, start } from "./machine.ts";
import { resume } from "./resume.ts";
import { send } from "./send.ts";
import { settle } from "./settle.ts";
import { survey } from "./survey.ts";

/** Adapter: QEMU 9 or later, steered over QMP, with nbdkit beside it for the disks' way. */
export const qemu: Hypervisor = { survey, start, observe, specOf, remove, receive, send, settle, resume };
