import type { Caller } from "./assertion.ts";
import { importSigningKey } from "./keys.ts";

/** How long a client of a domain waits: longer than an agent waits for its peers, so that its answer names the silent one. */
export const CLIENT_TIMEOUT_MS = 10_000;

/** A configured caller: its id at the domains, and its private Ed25519 key (JSON text of a JWK). */
export interface ClientCredentials {
  readonly id: string;
  readonly key: string;
}

/** Rejects with input.invalid if the key is none. */
export async function callerOf({ id, key }: ClientCredentials): Promise<Caller> {
  return { id, key: (await importSigningKey(key, `the caller ${id}`)).key };
}
