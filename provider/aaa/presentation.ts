import { signAssertion } from "./assertion.ts";
import type { Caller } from "./caller.ts";
import { CLIENT_ASSERTION } from "./oauth.ts";
import { signProof } from "./proof.ts";
import { issuerOf } from "./token.ts";
import { TOKEN_HEADER } from "./wire.ts";

/** A request, as far as it must show who sends it and what lets him. */
export interface Presented {
  readonly method: string;
  /** Absolute path, escaped. */
  readonly path: string;
  readonly token?: string | undefined;
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
 * needs a token gets it with a proof that is bound to it (RFC 9449); all else an assertion. A domain's agent is known by its
 * certificate (RFC 8705) and passes its callers' tokens on.
 */
export async function present(caller: Caller, domain: string, request: Presented): Promise<Presentation> {
  const { method, path, token } = request;
  const form = request.form === undefined ? undefined : encoded(request.form);
  if (caller.certificate !== undefined) {
    form?.set("client_id", caller.id);
    return { headers: token === undefined ? {} : { [TOKEN_HEADER]: token }, form };
  }
  const proof = async () => await signProof(caller, { method, uri: `${issuerOf(domain)}${path}`, token });
  if (form !== undefined) {
    form.set("client_assertion_type", CLIENT_ASSERTION);
    form.set("client_assertion", await signAssertion(caller, issuerOf(domain)));
    return { headers: { dpop: await proof() }, form };
  }
  if (token !== undefined) return { headers: { authorization: `DPoP ${token}`, dpop: await proof() }, form };
  return { headers: { authorization: `Bearer ${await signAssertion(caller, domain)}` }, form };
}

function encoded(form: Readonly<Record<string, string | readonly string[]>>): URLSearchParams {
  return new URLSearchParams(
    Object.entries(form).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  );
}
