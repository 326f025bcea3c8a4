import type { Envelope, NsiHeader } from "../../lightpath/nsi/wire/envelope.ts";
import { NsiRefusal } from "../../lightpath/nsi/wire/listener.ts";
import type { Requester } from "../load.ts";

/** A requester that was recognized, with what it said. */
export interface Said {
  readonly requester: Requester;
  readonly header: NsiHeader;
}

/** The agents that may ask, known by their certificates and by nothing that they say of themselves. */
export class Requesters {
  readonly #known: ReadonlyMap<string, Requester>;
  readonly #nsa: string;

  constructor(known: ReadonlyMap<string, Requester>, nsa: string) {
    this.#known = known;
    this.#nsa = nsa;
  }

  knows(fingerprint: string): boolean {
    return this.#known.has(fingerprint);
  }

  /** Throws NsiRefusal: a name, a provider or a place for callbacks that is not the certificate's. */
  recognize({ header }: Envelope, fingerprint: string): Said {
    const requester = this.#known.get(fingerprint);
    if (requester === undefined) throw new NsiRefusal("unauthorized", `${fingerprint} is not known here`);
    if (header === undefined) throw new NsiRefusal("missing-parameter", "the message has no nsiHeader");
    const { requesterNSA, providerNSA, replyTo } = header;
    if (requesterNSA !== requester.nsa) {
      throw new NsiRefusal("unauthorized", `its certificate is that of ${requester.nsa}, not of ${requesterNSA}`);
    }
    if (providerNSA !== this.#nsa) throw new NsiRefusal("payload-error", `this is ${this.#nsa}, not ${providerNSA}`);
    if (replyTo !== undefined && replyTo !== "" && !isWithin(replyTo, requester.callbacks)) {
      throw new NsiRefusal("unauthorized", `replyTo: ${requester.nsa} takes no callbacks at ${replyTo}`);
    }
    return { requester, header };
  }

  /** By its NSA; undefined if the configuration names it no more. */
  named(nsa: string): { readonly fingerprint: string; readonly requester: Requester } | undefined {
    const found = [...this.#known].find(([, requester]) => requester.nsa === nsa);
    return found && { fingerprint: found[0], requester: found[1] };
  }
}

/** The same origin, and below the same path: nobody has this agent call up others in its name. */
function isWithin(replyTo: string, allowed: readonly string[]): boolean {
  if (!URL.canParse(replyTo)) return false;
  const asked = new URL(replyTo);
  return allowed.some((text) => {
    const { origin, pathname } = new URL(text);
    return (
      asked.origin === origin && `${asked.pathname}/`.startsWith(pathname.endsWith("/") ? pathname : `${pathname}/`)
    );
  });
}
