import { importSigningKey, type SigningKey } from "./keys.ts";

/** How long a client of a domain waits: longer than an agent waits for its peers, so that its answer names the silent one. */
export const CLIENT_TIMEOUT_MS = 10_000;

/** A configured caller: its id at the domains, and its private Ed25519 key (JSON text of a JWK). */
export interface ClientCredentials {
  readonly id: string;
  readonly key: string;
  /** Of a domain's agent, PEM. */
  readonly certificate?: TlsIdentity;
}

/** A certificate and its private key, PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/**
 * Who calls. A client proves by its key that it does, with each request; a domain's agent by its certificate, with each connection
 * (mutual TLS).
 */
export interface Caller extends SigningKey {
  readonly id: string;
  readonly certificate?: TlsIdentity;
}

/** Rejects with input.invalid if the key is none. */
export async function callerOf({ id, key, certificate }: ClientCredentials): Promise<Caller> {
  const signing = await importSigningKey(key, `the caller ${id}`);
  return { id, ...signing, ...(certificate === undefined ? {} : { certificate }) };
}
