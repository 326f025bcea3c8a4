import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { atOnce } from "../at-once.ts";

/** A public Ed25519 key as key sets have it. */
export const publishedKey = z.looseObject({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().max(64),
});

export type PublishedKey = Pick<z.output<typeof publishedKey>, "kty" | "crv" | "x">;

const row = z.object({ kid: z.string(), x: z.string() });

/** The public keys that each domain has or had, this one included. What a key set no longer holds is kept for old records. */
export class KeyStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** A domain's keys are these from now on. */
  publish(domain: string, keys: readonly { readonly kid: string; readonly publicJwk: PublishedKey }[]): void {
    const insert =
      "INSERT INTO published_keys VALUES (?, ?, ?, 1) ON CONFLICT (domain, kid) DO UPDATE SET published = 1";
    atOnce(this.#database, () => {
      this.#database.prepare("UPDATE published_keys SET published = 0 WHERE domain = ?").run(domain);
      for (const { kid, publicJwk } of keys) this.#database.prepare(insert).run(domain, kid, publicJwk.x);
    });
  }

  /** Those of its newest key set; empty if none was heard. */
  published(domain: string): readonly (PublishedKey & { readonly kid: string })[] {
    return this.#select("SELECT kid, x FROM published_keys WHERE domain = ? AND published = 1", domain);
  }

  /** All that it ever published. */
  ever(domain: string): readonly (PublishedKey & { readonly kid: string })[] {
    return this.#select("SELECT kid, x FROM published_keys WHERE domain = ?", domain);
  }

  #select(select: string, domain: string): readonly (PublishedKey & { readonly kid: string })[] {
    const rows = z.array(row).parse(this.#database.prepare(select).all(domain));
    return rows.map(({ kid, x }) => ({ kty: "OKP", crv: "Ed25519", kid, x }));
  }
}
