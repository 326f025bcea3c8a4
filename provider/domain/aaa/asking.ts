import { covers, type Scope } from "../../aaa/covers.ts";
import { JWT_TOKEN, TOKEN_EXCHANGE, TOKEN_PATH } from "../../aaa/oauth.ts";
import { CONSENT_TYPE, type ConsentDetails, consentClaims, issuerOf, WISH_TYPE } from "../../aaa/token.ts";
import type { Peers } from "../peers.ts";
import { Refused } from "../refused.ts";
import { sidesAt } from "../topology.ts";
import { consentResponse, type PartWish } from "../wire.ts";
import type { Consents } from "./consents.ts";
import type { Wish } from "./permission.ts";
import type { Signatures } from "./signatures.ts";

/** A domain has so long to answer; clocks differ. */
const WISH_LIFE_MS = 60_000;

export interface AskingParts {
  readonly signatures: Signatures;
  readonly consents: Consents;
  readonly peers: Peers;
}

/** Asks domains for their consent in the name of a client of this one (token exchange, RFC 8693). */
export class Asking {
  readonly #parts: AskingParts;

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /**
   * The signed consent of the domain at that place of a way. Rejects with Refused: what it said, or 403 if it gave what is not its
   * consent to this.
   */
  async consentOf(domains: readonly string[], index: number, wish: Wish): Promise<string> {
    const { consents, signatures } = this.#parts;
    const domain = domains[index] ?? signatures.domain;
    const sides = sidesAt(domains, index, wish.between);
    if (domain === signatures.domain) return await consents.decide(domain, { ...wish, sides });
    const consent = await this.#exchange(domain, wish, { type: "lightpath-consent", sides });
    await this.#require(domain, consent, wish);
    return consent;
  }

  async #exchange(domain: string, { grant, subject, groups, ...asked }: Wish, part: PartWish): Promise<string> {
    const { peers, signatures } = this.#parts;
    const details = { type: "lightpath-wish", ...asked, groups };
    const claims = { sub: subject, aud: issuerOf(domain), jti: grant, authorization_details: [details] };
    const answer = await peers.ask(domain, {
      method: "POST",
      path: TOKEN_PATH,
      form: {
        ...{ grant_type: TOKEN_EXCHANGE, subject_token_type: JWT_TOKEN, requested_token_type: JWT_TOKEN },
        subject_token: await signatures.sign(WISH_TYPE, claims, Date.now() + WISH_LIFE_MS),
        resource: issuerOf(domain),
        authorization_details: JSON.stringify([part]),
      },
      answer: consentResponse,
    });
    return answer.access_token;
  }

  /** What a domain gives is its own word, for this grant and this client, and for no less than was asked. */
  async #require(domain: string, consent: string, { grant, subject, ...wish }: Wish): Promise<void> {
    const { signatures } = this.#parts;
    const expected = { typ: CONSENT_TYPE, issuer: domain, audience: signatures.domain, subject };
    const verified = consentClaims.safeParse(
      await signatures.verify(consent, `the consent of ${domain}`, expected).catch((thrown: unknown) => {
        if (thrown instanceof Refused) throw new Refused(403, "consent.invalid", thrown.message);
        throw thrown;
      }),
    );
    const lacks = verified.success
      ? lacksOf(verified.data.authorization_details[0], grant, wish)
      : ["it has another form"];
    if (lacks.length === 0) return;
    throw new Refused(403, "consent.invalid", `the consent of ${domain} is not to this: ${lacks.join("; ")}`);
  }
}

function lacksOf(consent: ConsentDetails, grant: string, wish: Scope & Pick<Wish, "from">): readonly string[] {
  return [
    ...covers(consent, wish),
    ...(consent.grant === grant ? [] : ["it is to another grant"]),
    ...(consent.from === wish.from ? [] : [`it is for travel from ${consent.from ?? "either end"}`]),
  ];
}
