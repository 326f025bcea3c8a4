import { decodeJwt, exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import { z } from "zod";
import { importSigningKey } from "../../provider/aaa/keys.ts";
import { type LightpathDetails, tokenClaims } from "../../provider/aaa/token.ts";
import type { KeyPair } from "../domain/testbed.ts";

const payload = z.looseObject({});
const base64url = (content: object): string => Buffer.from(JSON.stringify(content)).toString("base64url");

export const seconds = (fromNow: number): number => Math.floor(Date.now() / 1_000) + fromNow;

/** The one thing that a token permits. */
export function detailsOf(token: string): LightpathDetails {
  return tokenClaims.parse(decodeJwt(token)).authorization_details[0];
}

/** Each domain's consent, of a token or a grant. */
export function consentsOf(jwt: string): Record<string, string> {
  return tokenClaims.pick({ consents: true }).parse(decodeJwt(jwt)).consents;
}

/** A token (or consent) with other claims, signed by whoever does not mind, in the form in which `header` says it is. */
export async function forged(
  genuine: string,
  signer: KeyPair,
  claims: JWTPayload,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const { key } = await importSigningKey(signer.key, signer.id);
  return await new SignJWT({ ...payload.parse(decodeJwt(genuine)), ...claims })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", ...header })
    .sign(key);
}

/** A token whose claims were changed under its signature. */
export function tampered(genuine: string, claims: JWTPayload): string {
  const [head, , signature] = genuine.split(".");
  return [head, base64url({ ...decodeJwt(genuine), ...claims }), signature].join(".");
}

/** A token that says of itself that it needs no signature. */
export function unsigned(genuine: string): string {
  return `${base64url({ alg: "none", typ: "at+jwt" })}.${genuine.split(".")[1]}.`;
}

/** A token "signed" with what everybody knows, the domain's public key, as if it were a shared secret. */
export async function keyedWithPublicKey(genuine: string, { publicKey }: KeyPair): Promise<string> {
  return await new SignJWT(decodeJwt(genuine))
    .setProtectedHeader({ alg: "HS256", typ: "at+jwt" })
    .sign(Buffer.from(publicKey.x, "base64url"));
}

/** A token of another algorithm, which brings the key to verify it along. */
export async function withKeyOfItsOwn(genuine: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  return await new SignJWT(decodeJwt(genuine))
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt", jwk })
    .sign(privateKey);
}
