import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { startAgent } from "../../provider/domain/agent.ts";
import { domainConfig } from "../../provider/domain/config.ts";
import { loadConfig } from "../../provider/domain/load.ts";
import { connectSsh } from "../../provider/host/ssh.ts";
import { mintedByLiar } from "../aaa/liar.ts";
import { grantFor, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { type ConfigFile, makeCertificate, makeKey, SAN } from "../domain/testbed.ts";
import { freePort, Sshd } from "../host/sshd.ts";
import { CONTROLLER, underAttack } from "./attack.ts";
import { detailsOf, forged } from "./forging.ts";

const { siteKey: KNOWN } = tokenRequestFor(wishFor());
const STRANGER = `SHA256:${"B".repeat(43)}`;

/** san knows which hosts there take VMs in. */
const knowsItsHosts = (config: ConfigFile): ConfigFile =>
  config.domain === "san.example" ? { ...config, sites: { [SAN]: { hostKeys: [KNOWN] } } } : config;

const scene = underAttack(knowsItsHosts);
const { attack } = scene;

/** Does something while an agent of a faker's, with keys and an AAA of its own, answers at san's address. */
async function withFakedSan(act: () => Promise<unknown>, certificate: "own" | "stolen" = "own"): Promise<unknown> {
  const { bed } = scene.domains;
  const at = (name: string): string => join(bed.directory, name);
  const genuine = domainConfig.parse(JSON.parse(await readFile(bed.configFile("san.example"), "utf8")));
  await makeCertificate("san.example", at("fake.key"), at("fake.pem"));
  await writeFile(at("fake.jwk"), (await makeKey("san.example")).key);
  const tls = certificate === "own" ? { certificateFile: "fake.pem", keyFile: "fake.key" } : genuine.tls;
  const faked = { ...genuine, tls, signingKeyFile: "fake.jwk", store: ":memory:" };
  await writeFile(at("fake.json"), JSON.stringify(faked));
  await scene.domains.stop("san.example");
  const fake = await startAgent(await loadConfig(at("fake.json")), pino({ level: "silent" }));
  try {
    return await act();
  } finally {
    await fake.close();
    await scene.domains.start("san.example");
  }
}
const ask = async () => await scene.domains.aaa("ams.example").requestGrant(grantFor(wishFor()));

attack(
  "faked recipient domain: with a certificate and an AAA of its own",
  { by: "ams.example", reason: /is not san.example: it shows another certificate/ },
  async () => await withFakedSan(ask),
);
attack(
  "faked recipient domain: with the stolen certificate, and an AAA of its own",
  { by: "ams.example", reason: /the consent of san.example is not valid: san.example has no key/ },
  async () => await withFakedSan(ask, "stolen"),
);
attack(
  "faked recipient domain: asked by the client itself",
  { by: CONTROLLER, reason: /^san.example at .* it shows another certificate/ },
  async () => await withFakedSan(async () => await scene.domains.aaa("san.example").listGrants()),
);
attack(
  "other site key: in the token that a lying domain gives",
  { by: CONTROLLER, reason: /^ams.example gave a token that is not for SHA256:0123456789/ },
  async () => {
    const request = { ...tokenRequestFor(wishFor()), grant: "any" };
    return await mintedByLiar(scene.domains.bed, request, { siteKey: STRANGER });
  },
);
attack(
  "other site key: of a host that is none of the destination's",
  { by: "san.example", reason: /to a host with the key SHA256:B+, which is none of .*san/ },
  async () => {
    const { drac, aaa } = scene.domains;
    const wish = wishFor();
    const { jwt: grant } = await aaa("ams.example").requestGrant(grantFor(wish));
    const { token } = await aaa("ams.example").mintToken({ ...tokenRequestFor(wish), grant, siteKey: STRANGER });
    return await drac("ams.example").reserve(wish, token);
  },
);
attack(
  "other site key: none, in the token of a home domain that lies",
  { by: "san.example", reason: /the token does not name the host at .*san.* that takes radar in/ },
  async () => {
    const wish = wishFor();
    const token = await scene.domains.tokenFor(wish);
    const bent = await forged(token, scene.domains.bed.signing["ams.example"], {
      authorization_details: [detailsOf(token)],
    });
    return await scene.domains.drac("ams.example").reserve(wish, bent);
  },
);
attack(
  "other site key: of the host that answers at the destination's address",
  { by: CONTROLLER, reason: /expected SHA256:\S+, got SHA256:/ },
  async () => {
    const [genuine, stranger] = [new Sshd(await freePort()), new Sshd(await freePort())];
    try {
      await stranger.start();
      const record = stranger.record({ hostKey: genuine.hostKey.publicKey });
      return await connectSsh(record, { privateKey: stranger.client.privateKey });
    } finally {
      await Promise.all([genuine.stop(), stranger.stop()]);
    }
  },
);
