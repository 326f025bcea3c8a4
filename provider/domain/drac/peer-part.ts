import { nothing } from "../../aaa/channel.ts";
import type { Credential } from "../../aaa/credential.ts";
import type { Peers } from "../peers.ts";
import { occupancy, segmentHeld } from "../wire.ts";
import type { Part } from "./part.ts";

/** Another domain's part, asked over its API. */
export function peerPart(peers: Peers, domain: string): Part {
  const step = async (id: string, verb: string, passedOn?: Credential): Promise<void> => {
    const path = ["drac", "segments", id, verb];
    await peers.ask(domain, { method: "POST", path, answer: nothing, ...(passedOn && { passedOn }) });
  };
  const about = async (id: string, request: string, method: "POST" | "DELETE", ...verb: string[]): Promise<void> => {
    const path = ["drac", "segments", id, "modifications", request, ...verb];
    await peers.ask(domain, { method, path, answer: nothing });
  };
  return {
    occupancy: async (body) =>
      await peers.ask(domain, { method: "POST", path: ["drac", "occupancy"], body, answer: occupancy }),
    hold: async (body, passedOn) =>
      await peers.ask(domain, { method: "POST", path: ["drac", "segments"], body, passedOn, answer: segmentHeld }),
    commit: async (id, right) => await step(id, "commit", right),
    provision: async (id, right) => await step(id, "provision", right),
    join: async (id, vm, passedOn) => {
      const path = ["drac", "segments", id, "riders", vm];
      await peers.ask(domain, { method: "PUT", path, passedOn, answer: nothing });
    },
    leave: async (id, vm) => {
      await peers.ask(domain, { method: "DELETE", path: ["drac", "segments", id, "riders", vm], answer: nothing });
    },
    holdModification: async (id, body, passedOn) => {
      const path = ["drac", "segments", id, "modifications"];
      await peers.ask(domain, { method: "POST", path, body, passedOn, answer: nothing });
    },
    commitModification: async (id, request) => await about(id, request, "POST", "commit"),
    abortModification: async (id, request) => await about(id, request, "DELETE"),
    confirmModification: async (id, request) => await about(id, request, "POST", "confirm"),
    release: async (id) => await step(id, "release"),
    terminate: async (id) => {
      await peers.ask(domain, { method: "DELETE", path: ["drac", "segments", id], answer: nothing });
    },
  };
}
