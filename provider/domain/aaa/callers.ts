import type { DatabaseSync } from "node:sqlite";
import { decodeJwt, jwtVerify } from "jose";
import { ASSERTION_MAX_SECONDS, ASSERTION_TYPE, assertionClaims } from "../../aaa/assertion.ts";
import { ALGORITHM } from "../../aaa/keys.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Trust } from "../trust.ts";
import { invalidity } from "./invalidity.ts";

const CLOCK_TOLERANCE_SECONDS = 5;

/** Recognizes who calls by a signed assertion that is used once. */
export class Callers {
  readonly #domain: string;
  readonly #trust: Pick<Trust, "known">;
  readonly #database: DatabaseSync;

  constructor(domain: string, trust: Pick<Trust, "known">, database: DatabaseSync) {
    this.#domain = domain;
    this.#trust = trust;
    this.#database = database;
  }

  /** `authorization` is the header's value. Rejects with Refused (401). */
  async identify(authorization: string | undefined): Promise<Known> {
    const assertion = /^Bearer ([\w.-]+)$/i.exec(authorization ?? "")?.[1];
    if (assertion === undefined)
      throw new Refused(401, "caller.unknown", "the request carries no assertion of who calls");
    const known = this.#trust.known.get(issuerOf(assertion));
    if (known === undefined) throw new Refused(401, "caller.unknown", `the caller is not known to ${this.#domain}`);
    const { jti, exp } = await this.#verify(assertion, known);
    if (!this.#spend(known.id, jti, exp)) throw new Refused(401, "assertion.replayed", "the assertion was used before");
    return known;
  }

  async #verify(assertion: string, known: Known) {
    try {
      const { payload } = await jwtVerify(assertion, known.key, {
        ...{
          algorithms: [ALGORITHM],
          typ: ASSERTION_TYPE,
          issuer: known.id,
          subject: known.id,
          audience: this.#domain,
        },
        ...{ clockTolerance: CLOCK_TOLERANCE_SECONDS, maxTokenAge: ASSERTION_MAX_SECONDS },
      });
      const claims = assertionClaims.parse(payload);
      if (claims.exp - claims.iat > ASSERTION_MAX_SECONDS)
        throw new Error(`it lives longer than ${ASSERTION_MAX_SECONDS} s`);
      return claims;
    } catch (thrown) {
      const why = invalidity(thrown, { issuer: known.id, audience: this.#domain });
      throw new Refused(401, "assertion.invalid", `the assertion of ${known.id} is not valid: ${why}`);
    }
  }

  /** False if it was spent already. Kept on disk, so that a restart forgives no replay. */
  #spend(issuer: string, jti: string, exp: number): boolean {
    this.#database.prepare("DELETE FROM spent_assertions WHERE expires < ?").run(Date.now());
    const expires = (exp + 2 * CLOCK_TOLERANCE_SECONDS) * 1_000;
    const insert = "INSERT INTO spent_assertions VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    return this.#database.prepare(insert).run(issuer, jti, expires).changes === 1;
  }
}

function issuerOf(assertion: string): string {
  try {
    return decodeJwt(assertion).iss ?? "";
  } catch {
    return "";
  }
}
