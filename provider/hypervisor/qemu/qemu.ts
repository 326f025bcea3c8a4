import type { Hypervisor } from "../hypervisor.ts";
import { digests } from "./digest.ts";
import { dirtyRates } from "./dirty-rates.ts";
import { allocatedBytes } from "./layers.ts";
import { generationAt, machineOf, observe, receive, specOf, start } from "./machine.ts";
import { mergeDelta as settleDisks } from "./merge.ts";
import { remove, retire } from "./removal.ts";
import { layToRest, resume } from "./resume.ts";
import { send } from "./send.ts";
import { refuse, settle } from "./settle.ts";
import { survey } from "./survey.ts";

/** Adapter: QEMU 9 or later, steered over QMP, with nbdkit and stunnel beside it for a move's way. */
export const qemu: Hypervisor = {
  ...{ survey, start, observe, specOf, machineOf, remove, retire, receive, send, settle, refuse, resume, layToRest },
  ...{ generationAt, digests, allocatedBytes, dirtyRates, settleDisks },
};
