import { z } from "zod";
import { importSigningKey, type SigningKey } from "../../aaa/keys.ts";

/** A key that this domain signs with. */
export interface OwnKey extends SigningKey {
  readonly secret: z.output<typeof privateJwk>;
}

const privateJwk = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), d: z.string() });

const keySet = z.looseObject({ keys: z.array(z.looseObject({})).min(1).max(16) });

/**
 * The keys of a signing key file: a private Ed25519 JWK, or a JWK Set (RFC 7517) of such, the first of which signs.
 * Rejects with input.invalid, which names `owner`.
 */
export async function readKeys(text: string, owner: string): Promise<readonly [OwnKey, ...OwnKey[]]> {
  const set = keySet.safeParse(parsed(text));
  const [first = text, ...further] = set.success ? set.data.keys.map((jwk) => JSON.stringify(jwk)) : [];
  const own = async (jwk: string): Promise<OwnKey> => {
    const key = await importSigningKey(jwk, owner);
    return { ...key, secret: privateJwk.parse(parsed(jwk)) };
  };
  return [await own(first), ...(await Promise.all(further.map(own)))];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which is secret.
    return undefined;
  }
}
