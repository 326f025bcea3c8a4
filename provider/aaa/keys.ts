import { type CryptoKey, calculateJwkThumbprint, importJWK } from "jose";
import { z } from "zod";
import { TurntableError } from "../errors.ts";

/** The only algorithm that anything here is signed with, or verified against. */
export const ALGORITHM = "EdDSA";

const privateJwk = z.looseObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), d: z.string() });

/** Public half of an Ed25519 key, as configurations and key sets carry it (RFC 8037). */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
}

export interface SigningKey {
  readonly key: CryptoKey;
  readonly publicJwk: PublicJwk;
  /** The public half's thumbprint (RFC 7638, SHA-256, base64url): its name in key sets and proofs. */
  readonly kid: string;
}

/**
 * Reads a private Ed25519 JWK from its JSON text. `owner` names it in messages, which never show the text.
 * Throws input.invalid.
 */
export async function importSigningKey(text: string, owner: string): Promise<SigningKey> {
  const jwk = privateJwk.safeParse(parse(text));
  if (!jwk.success) throw notAKey(owner);
  const { kty, crv, x, d } = jwk.data;
  const key = await importJWK({ kty, crv, x, d }, ALGORITHM).catch(() => undefined);
  if (key === undefined || key instanceof Uint8Array) throw notAKey(owner);
  const publicJwk = { kty, crv, x };
  return { key, publicJwk, kid: await calculateJwkThumbprint(publicJwk) };
}

/** Throws input.invalid if the key is no Ed25519 public key. */
export async function importPublicKey({ kty, crv, x }: PublicJwk, owner: string): Promise<CryptoKey> {
  const key = await importJWK({ kty, crv, x }, ALGORITHM).catch(() => undefined);
  if (key === undefined || key instanceof Uint8Array) throw notAKey(owner);
  return key;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which is secret.
    return undefined;
  }
}

function notAKey(owner: string): TurntableError {
  return new TurntableError("input.invalid", `the key of ${owner} is not an Ed25519 key in JWK form`, {
    retry: "never",
    next: 'Give a JSON object with kty "OKP", crv "Ed25519", x and, if it is to sign, d.',
  });
}
