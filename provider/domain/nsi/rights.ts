import type { Grants } from "../aaa/grants.ts";
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

  constructor(grants: Grants, tokens: Tokens) {
    this.#grants = grants;
    this.#tokens = tokens;
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

  /** A token for now. Rejects with Refused. */
  async token(client: Known, jwt: string, { window, ...wanted }: Wanted): Promise<string> {
    const request = { ...wanted, window: { ...window }, grant: jwt, siteKey: NO_SITE_KEY };
    return (await this.#tokens.mint(client, request)).token;
  }

  /** Gives it back, if there is one. */
  async giveBack(client: Known, { grant }: NsiConnection): Promise<void> {
    if (grant !== undefined) await this.#grants.revoke(client, grant.id);
  }
}
