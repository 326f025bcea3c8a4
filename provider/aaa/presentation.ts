import { decodeJwt } from "jose";
import { signAssertion } from "./assertion.ts";
import type { Caller } from "./caller.ts";
import { type Credential, PROOFS_HEADER } from "./credential.ts";
import { CLIENT_ASSERTION } from "./oauth.ts";
import { signProof } from "./proof.ts";
import { domainOfIssuer, issuerOf, tokenClaims } from "./token.ts";
import { TOKEN_HEADER } from "./wire.ts";

/** A request, as far as it must show who sends it and what lets him. */
export interface Presented {
  readonly method: string;
  /** Absolute path, escaped. */
  readonly path: string;
  readonly token?: string | undefined;
  /** Absolute path, escaped, of what the domain then asks of each other domain that the token is for, by the same method. */
  readonly onwards?: string | undefined;
  /** Of a caller of the domain's that asks. */
  readonly passedOn?: Credential | undefined;
  /** Of an OAuth endpoint. */
  readonly form?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

/** What is sent with a request to a domain so that it knows the caller, and the form with what is added to it. */
export interface Presentation {
  readonly headers: Readonly<Record<string, string>>;
  readonly form: URLSearchParams | undefined;
}

/**
 * How a caller shows who it is. A client: an OAuth endpoint gets an assertion in the form (RFC 7523) and a proof of its key; what
 * needs a token gets it with a proof that is bound to it (RFC 9449), and with further ones for the other domains that are to be
 * asked with it; all else an assertion. A domain's agent is known by its certificate (RFC 8705) and passes its callers' tokens
 * and proofs on.
 */
export async function present(caller: Caller, domain: string, request: Presented): Promise<Presentation> {
  const { method, path, token, onwards, passedOn } = request;
  const form = request.form === undefined ? undefined : encoded(request.form);
  if (caller.certificate !== undefined) {
    form?.set("client_id", caller.id);
    if (passedOn === undefined) return { headers: {}, form };
    const theirs = await passedOn.proofFor({ method, uri: `${issuerOf(domain)}${path}` });
    return { headers: { [TOKEN_HEADER]: passedOn.token, ...(theirs === undefined ? {} : { dpop: theirs }) }, form };
  }
  const proofAt = async (at: string, asked: string) =>
    await signProof(caller, { method, uri: `${issuerOf(at)}${asked}`, token });
  const proof = async () => await proofAt(domain, path);
  if (form !== undefined) {
    form.set("client_assertion_type", CLIENT_ASSERTION);
    form.set("client_assertion", await signAssertion(caller, issuerOf(domain)));
    return { headers: { dpop: await proof() }, form };
  }
  if (token !== undefined) {
    const others = onwards === undefined ? [] : audienceOf(token).filter((other) => other !== domain);
    const further = await Promise.all(others.map(async (other) => await proofAt(other, onwards ?? "")));
    const headers = { authorization: `DPoP ${token}`, dpop: await proof(), [PROOFS_HEADER]: further.join(",") };
    return { headers, form };
  }
  return { headers: { authorization: `Bearer ${await signAssertion(caller, domain)}` }, form };
}

/** The domains that a token is for; none if it is none, of which a domain will say more. */
function audienceOf(token: string): readonly string[] {
  try {
    return tokenClaims.pick({ aud: true }).parse(decodeJwt(token)).aud.map(domainOfIssuer);
  } catch {
    return [];
  }
}

function encoded(form: Readonly<Record<string, string | readonly string[]>>): URLSearchParams {
  return new URLSearchParams(
    Object.entries(form).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  );
}
