import { z } from "zod";

const name = z.string().regex(/^[A-Za-z0-9][\w:./-]{0,127}$/, "must be a name of OSCARS's topology");

/** A port of OSCARS's network at which a site hangs. */
const attachedPort = z.strictObject({
  device: name,
  port: name,
  /** Of the site's lightpath devices, in their order. */
  vlans: z.array(z.int().min(1).max(4_094)).min(1),
});

/** A controller of OSCARS 1.0, by its REST API; it knows this program by a token. */
export const oscarsRecord = z.strictObject({
  kind: z.literal("oscars"),
  url: z.url({ protocol: /^https$/, error: "must be an https URL" }),
  /** SHA-256 of the certificate that it shows. */
  fingerprint: z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, "must be the fingerprint of a certificate (SHA256:…)"),
  /** By a site's STP. */
  ports: z.record(z.string(), attachedPort),
  /** Round trip in ms, for the size of the first window: OSCARS does not tell it. */
  rttMs: z.number().positive().default(10),
});

export type OscarsRecord = z.output<typeof oscarsRecord>;
export type AttachedPort = z.output<typeof attachedPort>;
