import { randomUUID } from "node:crypto";
import { type Credential, heldBy } from "../../aaa/credential.ts";
import { issuerOf, TOKEN_TYPE } from "../../aaa/token.ts";
import type { Grants } from "../aaa/grants.ts";
import type { Signatures } from "../aaa/signatures.ts";
import type { Tokens } from "../aaa/tokens.ts";
import type { Known } from "../load.ts";
import type { NsiConnection } from "./store.ts";

/** What a requester that counts as `client` asks of this domain, in this domain's own terms. */
export interface Wanted {
  readonly from: string;
  readonly to: string;
  readonly bandwidthMbps: number;
  readonly window: { readonly start: string; readonly end: string };
  /** Nobody says what VM it is for: the connection stands for one. */
  readonly vm: string;
}

/** What policies see as purpose of what was asked by NSI. */
const PURPOSE = "nsi";
/** A token names the destination's host key, which NSI knows nothing of. */
const NO_SITE_KEY = "none";

/**
 * The right to a connection that was asked for by NSI: a grant of the client that the requester counts as, from every domain on
 * the way, by the same policies as if that client had asked.
 */
export class Rights {
  readonly #grants: Grants;
  readonly #tokens: Tokens;
  readonly #signatures: Signatures;

  constructor(grants: Grants, tokens: Tokens, signatures: Signatures) {
    this.#grants = grants;
    this.#tokens = tokens;
    this.#signatures = signatures;
  }

  /** Rejects with Refused. */
  async ask(client: Known, { from, to, bandwidthMbps, window, vm }: Wanted): Promise<{ id: string; jwt: string }> {
    const wish = {
      between: [from, to] as [string, string],
      from,
      bandwidthMbps,
      window: { ...window },
      vm,
      purpose: PURPOSE,
    };
    const { id, jwt } = await this.#grants.request(client, wish);
    return { id, jwt };
  }

  /** A right for now, bound to this domain's own key: the requester has none of OAuth's. Rejects with Refused. */
  async right(client: Known, jwt: string, { window, ...wanted }: Wanted): Promise<Credential> {
    const wish = { type: "lightpath" as const, ...wanted, window: { ...window }, siteKey: NO_SITE_KEY };
    const permitted = await this.#tokens.permit(client, jwt, wish);
    const { details, consents, lifeSeconds } = permitted;
    const nowSeconds = Math.floor(Date.now() / 1_000);
    const jti = randomUUID();
    const { domain, key } = this.#signatures;
    const claims = {
      ...{ sub: client.id, aud: [...new Set([domain, ...details.domains])].map(issuerOf), jti, nbf: nowSeconds },
      ...{ cnf: { jkt: key.kid }, authorization_details: [details], consents },
    };
    const token = await this.#signatures.sign(TOKEN_TYPE, claims, (nowSeconds + lifeSeconds) * 1_000);
    this.#tokens.account(client, permitted, jti);
    return heldBy(key, token);
  }

  /** Gives it back, if there is one. */
  async giveBack(client: Known, { grant }: NsiConnection): Promise<void> {
    if (grant !== undefined) await this.#grants.revoke(client, grant.id);
  }
}
