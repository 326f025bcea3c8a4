import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { z } from "zod";
import { run } from "./command.ts";
import { writeAtomically } from "./files.ts";
import { DOMAINS, type DomainKey, domainName, type Lab, routedAddress, SERVERS, switchOf } from "./layout.ts";
import type { Piece } from "./piece.ts";

/** How the lab's controller is known to the domains. */
export const CALLER_ID = "lab-controller";

/** The files with keys: all below the lab's directory, all 0600 or in a 0700 folder. */
export function keyFiles(lab: Lab) {
  return {
    controller: lab.path("keys", "controller"),
    caller: lab.path("keys", "caller.jwk"),
    passphrase: lab.path("keys", "passphrase"),
    host: (server: string) => lab.path("ssh", server, "host_key"),
    signing: (domain: DomainKey) => lab.path("domains", domain, "signing.jwk"),
    tlsKey: (domain: DomainKey) => lab.path("domains", domain, "tls.key"),
    certificate: (domain: DomainKey) => lab.path("domains", domain, "tls.pem"),
  };
}

/** Keys and certificates of everyone in the lab: made once, then kept as long as the lab. */
export function keysPiece(lab: Lab): Piece {
  const files = keyFiles(lab);
  const jwks = [files.caller, ...DOMAINS.map(files.signing)];
  const sshKeys = [files.controller, ...SERVERS.map(files.host)];
  const all = [...jwks, ...sshKeys, ...DOMAINS.map(files.certificate), files.passphrase];
  return {
    name: "keys",
    purpose: "ssh keys, the caller's and each domain's signing key, each agent's certificate: this lab's own, pinned",
    async inspect() {
      const absent = all.filter((file) => !existsSync(file));
      return absent.length === 0 ? undefined : `missing: ${absent.join(", ")}`;
    },
    async make() {
      await Promise.all([
        ...jwks.filter(isAbsent).map(makeJwk),
        ...sshKeys.filter(isAbsent).map(makeSshKey),
        ...DOMAINS.filter((domain) => isAbsent(files.certificate(domain))).map((domain) =>
          makeCertificate(lab, domain),
        ),
      ]);
      if (isAbsent(files.passphrase)) await writeAtomically(files.passphrase, randomBytes(24).toString("base64url"));
    },
  };
}

const publicJwk = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() });
export type PublicJwk = z.output<typeof publicJwk>;

/** The public half of a private JWK file. */
export async function publicHalf(file: string): Promise<PublicJwk> {
  return publicJwk.parse(JSON.parse(await readFile(file, "utf8")));
}

/** An ssh key's public half as in known_hosts: type and base64, no comment. */
export async function sshPublicKey(file: string): Promise<string> {
  const [type, base64] = (await readFile(`${file}.pub`, "utf8")).trim().split(" ");
  return `${type} ${base64}`;
}

function isAbsent(file: string): boolean {
  return !existsSync(file);
}

async function makeJwk(file: string): Promise<void> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  await writeAtomically(file, JSON.stringify(await exportJWK(privateKey)));
}

async function makeSshKey(file: string): Promise<void> {
  await withDraft(file, async (draft) => {
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "turntable-lab", "-f", draft]);
    await rename(`${draft}.pub`, `${file}.pub`);
  });
}

async function makeCertificate(lab: Lab, domain: DomainKey): Promise<void> {
  const name = domainName(domain);
  const names = `DNS:${name},IP:127.0.0.1,IP:${routedAddress(switchOf(domain))}`;
  await withDraft(keyFiles(lab).certificate(domain), (draft) =>
    run([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", keyFiles(lab).tlsKey(domain), "-out", draft, "-days", "3650", "-subj", `/CN=${name}`],
      ...["-addext", `subjectAltName=${names}`, "-addext", "extendedKeyUsage=serverAuth"],
    ]),
  );
}

/** The file appears when it is complete, so that an `up` that was cut short makes it again. */
async function withDraft(file: string, make: (draft: string) => Promise<unknown>): Promise<void> {
  const draft = `${file}.new`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await rm(draft, { force: true });
  await make(draft);
  await rename(draft, file);
}
