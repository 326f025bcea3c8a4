import { type Answer, Channel, type Question } from "../aaa/channel.ts";
import type { Loaded } from "./load.ts";
import { Refused } from "./refused.ts";
import type { Trust } from "./trust.ts";

/** A fraction of what clients wait: a silent peer must be named, and holds given back, within their patience. */
const PEER_TIMEOUT_MS = 2_500;

/** The other domains, asked in this domain's name. */
export class Peers {
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #trust: Pick<Trust, "known">;

  constructor({ config, signing, tls, peers }: Loaded, trust: Pick<Trust, "known">) {
    this.#trust = trust;
    const caller = Promise.resolve({ id: config.domain, ...signing.keys[0], certificate: tls });
    this.#channels = new Map(peers.map((peer) => [peer.name, new Channel(peer, caller, PEER_TIMEOUT_MS)]));
  }

  get names(): readonly string[] {
    return [...this.#channels.keys()].filter((name) => this.#trust.known.has(name));
  }

  /** Rejects with Refused: what the peer said, 502/504 that name it if it does not answer, 403 if what answers is not it. */
  async ask<T>(domain: string, question: Question<T>): Promise<T> {
    const channel = this.#channels.get(domain);
    if (channel === undefined || !this.#trust.known.has(domain))
      throw new Refused(403, "domain.unknown", `${domain} is on the way, but is no peer`);
    return passOn(await channel.ask(question), channel);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
  }
}

function passOn<T>(answer: Answer<T>, { domain }: Channel): T {
  switch (answer.kind) {
    case "ok":
      return answer.value;
    case "refused": {
      const { error, reason, domain: refuser, policy, nextFreeSlot, link } = answer.refusal;
      throw new Refused(statusFor(answer.status), error, reason, refuser, policy, nextFreeSlot, link);
    }
    case "silent": {
      if (answer.impostor) {
        const reason = `what answers at ${domain.url} is not ${domain.name}: ${answer.reason}`;
        throw new Refused(403, "domain.impostor", reason);
      }
      const reason = `${domain.name} at ${domain.url} does not answer: ${answer.reason}`;
      throw new Refused(answer.timedOut ? 504 : 502, "domain.unreachable", reason, domain.name);
    }
    default:
      return answer satisfies never;
  }
}

/** A peer that does not know this domain (401) is no fault of the client's credentials; one that fails, or is too busy, is a bad gateway. */
function statusFor(status: number): 403 | 404 | 409 | 502 {
  if (status === 404 || status === 409) return status;
  return status < 500 && status !== 429 ? 403 : 502;
}
