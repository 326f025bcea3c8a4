import "reflect-metadata";
import { KeyObject, randomUUID, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

const KEY = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
/** The hosts' clocks need not agree to the second. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** TLS 1.3 needs signatures alone, but QEMU loads no leaf that may not encipher keys. */
const LEAF_USAGE = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment;
/** As long as a path is lit for a move: its connections are made within. */
const LIFE_MS = 60 * 60_000;

/** One end's proof of who it is. */
export interface Leaf {
  /** Its distinguished name, which no other leaf of any move has. */
  readonly name: string;
  readonly certificate: string;
  /** Secret. */
  readonly key: string;
}

/** Who may take part in one move, as PEM. Only the keys of the leaves exist any more. */
export interface WayCredentials {
  readonly authority: string;
  readonly source: Leaf;
  readonly destination: Leaf;
}

/**
 * Mints what the two ends of one move know each other by: an authority that signs a client's leaf and a server's leaf
 * and whose key is then gone. They live for an hour. `destinationAddress`: the destination's address on the path.
 */
export async function mintCredentials(destinationAddress: string): Promise<WayCredentials> {
  const move = randomUUID();
  const validity = {
    notBefore: new Date(Date.now() - CLOCK_SKEW_MS),
    notAfter: new Date(Date.now() + LIFE_MS + CLOCK_SKEW_MS),
  };
  const authorityName = `CN=move-${move}`;
  const authorityKeys = await newKeys();
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...{ name: authorityName, keys: authorityKeys, signingAlgorithm: SIGNATURE, ...validity },
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)],
  });
  const leaf = async (role: string, extensions: readonly Extension[]): Promise<Leaf> => {
    const keys = await newKeys();
    const name = `CN=${role}-${move}`;
    const certificate = await X509CertificateGenerator.create({
      ...{ subject: name, issuer: authorityName, publicKey: keys.publicKey, ...validity },
      ...{ signingKey: authorityKeys.privateKey, signingAlgorithm: SIGNATURE },
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(LEAF_USAGE, true),
        ...extensions,
      ],
    });
    const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" });
    return { name, certificate: pem(certificate), key: String(key) };
  };
  return {
    authority: pem(authority),
    source: await leaf("source", [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth], true)]),
    destination: await leaf("destination", [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth], true),
      new SubjectAlternativeNameExtension([{ type: "ip", value: destinationAddress }]),
    ]),
  };
}

const newKeys = () => webcrypto.subtle.generateKey(KEY, true, ["sign", "verify"]);

const pem = (certificate: { toString(format: "pem"): string }) => `${certificate.toString("pem")}\n`;
