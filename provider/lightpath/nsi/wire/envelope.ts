import { z } from "zod";
import { type Message, message } from "./messages.ts";
import { PROVIDER_PROTOCOL, REQUESTER_PROTOCOL } from "./namespaces.ts";
import { named, text } from "./values.ts";
import { MalformedXml, readXml, writeXml, type XmlValue } from "./xml.ts";

/** Who speaks to whom, and in answer to what. */
const header = z.object({
  /** Not looked at: SuPA names the provider's where the requester's belongs, and OSCARS misspells it. */
  protocolVersion: text,
  correlationId: named,
  requesterNSA: named,
  providerNSA: named,
  /** Where the requester takes callbacks. */
  replyTo: text.optional(),
});

const envelope = z.object({
  "soap:Header": z.union([z.literal(""), z.object({ "headers:nsiHeader": header.optional() })]).optional(),
  "soap:Body": z.record(z.string(), z.unknown()),
});

export type NsiHeader = z.output<typeof header>;

/** A message and its header, which only faults may lack. */
export interface Envelope {
  readonly header: NsiHeader | undefined;
  readonly message: Message;
}

/** Reads a SOAP 1.1 message. Throws MalformedXml, which tells why it is none of NSI's. */
export function readEnvelope(written: string): Envelope {
  const { root, content } = readXml(written);
  if (root !== "soap:Envelope") throw new MalformedXml(`it is no SOAP 1.1 envelope but ${root}`);
  const { "soap:Header": head = "", "soap:Body": body } = parsed(envelope, content);
  const [operation, ...more] = Object.keys(body).filter((name) => !name.startsWith("@"));
  if (operation === undefined || more.length > 0) throw new MalformedXml("its body is not one element");
  return {
    header: head === "" ? undefined : head["headers:nsiHeader"],
    message: parsed(message, { operation, content: body[operation] }),
  };
}

/** Writes one; throws a zod error if it is none. */
export function writeEnvelope({ header: head, message: said }: Envelope): string {
  const { operation, content } = z.encode(message, said);
  return writeXml({
    root: "soap:Envelope",
    content: {
      "soap:Header": head === undefined ? "" : { "headers:nsiHeader": z.encode(header, head) },
      "soap:Body": { [operation]: xml.parse(content) },
    },
  });
}

/** The header of an answer, in the moment or by callback. */
export function headerOfAnswer(asked: NsiHeader, way: "acknowledgment" | "callback"): NsiHeader {
  const { correlationId, requesterNSA, providerNSA } = asked;
  const protocolVersion = way === "callback" ? REQUESTER_PROTOCOL : PROVIDER_PROTOCOL;
  return { protocolVersion, correlationId, requesterNSA, providerNSA };
}

/** What encoding a message leaves: texts, records and lists of them. */
const xml: z.ZodType<XmlValue> = z.lazy(() =>
  z.union([z.string(), z.array(xml), z.record(z.string(), xml.optional())]),
);

function parsed<S extends z.ZodType>(schema: S, content: unknown): z.output<S> {
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  throw new MalformedXml(z.prettifyError(result.error));
}
