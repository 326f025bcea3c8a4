/** Namespaces of the messages of NSI Connection Service 2.0 (OGF GFD.212), and the prefixes by which they are named here. */
export const NAMESPACES = {
  soap: "http://schemas.xmlsoap.org/soap/envelope/",
  headers: "http://schemas.ogf.org/nsi/2013/12/framework/headers",
  framework: "http://schemas.ogf.org/nsi/2013/12/framework/types",
  types: "http://schemas.ogf.org/nsi/2013/12/connection/types",
  p2p: "http://schemas.ogf.org/nsi/2013/12/services/point2point",
} as const;

export type Prefix = keyof typeof NAMESPACES;

const PREFIXES = new Map<string, string>(Object.entries(NAMESPACES).map(([prefix, uri]) => [uri, prefix]));

/** Undefined for a namespace that no message of ours has. */
export function prefixOf(uri: string): string | undefined {
  return PREFIXES.get(uri);
}

/** The namespace of a prefix; undefined if there is no such prefix. */
export function namespaceOf(prefix: string): string | undefined {
  return new Map<string, string>(Object.entries(NAMESPACES)).get(prefix);
}

/** What the `SOAPAction` header of an operation begins with. */
export const SOAP_ACTION = "http://schemas.ogf.org/nsi/2013/12/connection/service/";

/** What a provider speaks, and what a requester does, which takes its callbacks. */
export const PROVIDER_PROTOCOL = "application/vnd.ogf.nsi.cs.v2.provider+soap";
export const REQUESTER_PROTOCOL = "application/vnd.ogf.nsi.cs.v2.requester+soap";
