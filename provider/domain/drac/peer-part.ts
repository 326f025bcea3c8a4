import { nothing } from "../../aaa/channel.ts";
import type { Peers } from "../peers.ts";
import { availability, segmentHeld } from "../wire.ts";
import type { Part } from "./part.ts";

/** Another domain's part, asked over its API. */
export function peerPart(peers: Peers, domain: string): Part {
  const step = async (id: string, verb: string, token?: string): Promise<void> => {
    const path = ["drac", "segments", id, verb];
    const proof = token === undefined ? {} : { token };
    await peers.ask(domain, { method: "POST", path, answer: nothing, ...proof });
  };
  const about = async (id: string, request: string, method: "POST" | "DELETE", ...verb: string[]): Promise<void> => {
    const path = ["drac", "segments", id, "modifications", request, ...verb];
    await peers.ask(domain, { method, path, answer: nothing });
  };
  return {
    availability: async (body) =>
      await peers.ask(domain, { method: "POST", path: ["drac", "availability"], body, answer: availability }),
    hold: async (body, token) =>
      await peers.ask(domain, { method: "POST", path: ["drac", "segments"], body, token, answer: segmentHeld }),
    commit: async (id, token) => await step(id, "commit", token),
    provision: async (id, token) => await step(id, "provision", token),
    join: async (id, vm, token) => {
      const path = ["drac", "segments", id, "riders", vm];
      await peers.ask(domain, { method: "PUT", path, token, answer: nothing });
    },
    leave: async (id, vm) => {
      await peers.ask(domain, { method: "DELETE", path: ["drac", "segments", id, "riders", vm], answer: nothing });
    },
    holdModification: async (id, body, token) => {
      const path = ["drac", "segments", id, "modifications"];
      await peers.ask(domain, { method: "POST", path, body, token, answer: nothing });
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
