import { setTimeout as sleep } from "node:timers/promises";
import { type CryptoKey, calculateJwkThumbprint } from "jose";
import type { Logger } from "pino";
import { importPublicKey, type PublicJwk } from "../../aaa/keys.ts";
import { reasonOf } from "../../errors.ts";
import type { Peers } from "../peers.ts";
import type { Trust } from "../trust.ts";
import type { KeyStore } from "./key-store.ts";
import type { OwnKeys } from "./own-keys.ts";
import { keysIn, signedKeySet } from "./signed-key-set.ts";

/** No domain is asked more often than this, whoever makes names of keys up. */
const ASK_INTERVAL_MS = 500;
/** An answer that was under way may be older than the key: the next one is not. */
const ROUNDS = 2;

export interface TrustedParts {
  readonly domain: string;
  readonly own: OwnKeys;
  /** Each peer's key in the configuration is believed until a key set with it is heard, and who is taken out no more. */
  readonly trust: Pick<Trust, "known">;
  readonly store: KeyStore;
  readonly peers: Peers;
  readonly log: Logger;
}

/**
 * Whose signatures this domain believes: its own, and those of its peers, by the key sets that they publish. A set is believed
 * if a key that is believed already signed it, so that a peer can change its keys, and whoever stole its certificate cannot.
 */
export class TrustedKeys {
  readonly #parts: TrustedParts;
  readonly #askedAtMs = new Map<string, number>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(parts: TrustedParts) {
    this.#parts = parts;
  }

  /**
   * The keys by which a domain's signature may be verified: the one of that name, or all if it names none; empty if the domain
   * has none such. Undefined if the domain is not trusted.
   */
  async of(domain: string, kid: string | undefined): Promise<readonly CryptoKey[] | undefined> {
    if (domain !== this.#parts.domain && this.#configured(domain) === undefined) return undefined;
    let found = await this.#known(domain, kid);
    for (let round = 0; round < ROUNDS && found.length === 0 && domain !== this.#parts.domain; round++) {
      await this.#ask(domain);
      found = await this.#known(domain, kid);
    }
    return found;
  }

  /** Asks every peer for its key set; one that does not answer keeps the keys that it had. */
  async refresh(): Promise<void> {
    await Promise.all(this.#parts.peers.names.map((domain) => this.#ask(domain)));
  }

  #configured(domain: string): PublicJwk | undefined {
    const known = this.#parts.trust.known.get(domain);
    return known?.kind === "peer" ? known.publicJwk : undefined;
  }

  async #known(domain: string, kid: string | undefined): Promise<readonly CryptoKey[]> {
    const { own, store } = this.#parts;
    const heard = domain === this.#parts.domain ? own.all.map(({ publicJwk }) => publicJwk) : store.published(domain);
    const first = this.#configured(domain);
    // One that was in a set and is no more is worth nothing, whatever the configuration still says.
    const isAmong = (keys: readonly PublicJwk[]): boolean => keys.some(({ x }) => x === first?.x);
    const isNew = first !== undefined && !isAmong(heard) && !isAmong(store.ever(domain));
    const named = await Promise.all(
      (isNew ? [...heard, first] : heard).map(async (jwk) => ({ jwk, name: await calculateJwkThumbprint(jwk) })),
    );
    const fit = named.filter(({ name }) => kid === undefined || name === kid);
    return await Promise.all(fit.map(({ jwk }) => importPublicKey(jwk, domain)));
  }

  /** Never twice at once. */
  async #ask(domain: string): Promise<void> {
    const asking = this.#asking.get(domain) ?? this.#hear(domain).finally(() => this.#asking.delete(domain));
    this.#asking.set(domain, asking);
    await asking;
  }

  async #hear(domain: string): Promise<void> {
    const { peers, store, log } = this.#parts;
    const agoMs = performance.now() - (this.#askedAtMs.get(domain) ?? Number.NEGATIVE_INFINITY);
    if (agoMs < ASK_INTERVAL_MS) await sleep(ASK_INTERVAL_MS - agoMs);
    this.#askedAtMs.set(domain, performance.now());
    try {
      const set = await peers.ask(domain, { method: "GET", path: ["aaa", "signed-keys"], answer: signedKeySet });
      const keys = await keysIn(set, domain, await this.#known(domain, undefined));
      if (keys !== undefined) return store.publish(domain, keys);
      const next = "put its new key into the configuration, if its administrators say that it is theirs";
      log.warn({ peer: domain, next }, "a peer tells keys for which none vouches that it had before: not taken");
    } catch (thrown) {
      log.debug({ peer: domain, reason: reasonOf(thrown) }, "a peer told no keys");
    }
  }
}
