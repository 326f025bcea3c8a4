import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { startAgent } from "../../provider/domain/agent.ts";
import { domainConfig } from "../../provider/domain/config.ts";
import { loadConfig } from "../../provider/domain/load.ts";
import { connectSsh } from "../../provider/host/ssh.ts";
import { mintedByLiar } from "../aaa/liar.ts";
import { grantFor, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { makeCertificate, makeKey } from "../domain/testbed.ts";
import { freePort, Sshd } from "../host/sshd.ts";
import { CONTROLLER, underAttack } from "./attack.ts";

const scene = underAttack();
const { attack } = scene;

/** Does something while an agent of a faker's, with keys and an AAA of its own, answers at san's address. */
async function withFakedSan(act: () => Promise<unknown>): Promise<unknown> {
  const { bed } = scene.domains;
  const at = (name: string): string => join(bed.directory, name);
  const genuine = domainConfig.parse(JSON.parse(await readFile(bed.configFile("san.example"), "utf8")));
  await makeCertificate("san.example", at("fake.key"), at("fake.pem"));
  await writeFile(at("fake.jwk"), (await makeKey("san.example")).key);
  const tls = { certificateFile: "fake.pem", keyFile: "fake.key" };
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
  "faked recipient domain: asked by the client itself",
  { by: CONTROLLER, reason: /^san.example at .* it shows another certificate/ },
  async () => await withFakedSan(async () => await scene.domains.aaa("san.example").listGrants()),
);
attack(
  "other site key: in the token that a lying domain gives",
  { by: CONTROLLER, reason: /^ams.example gave a token that is not for SHA256:0123456789/ },
  async () => {
    const request = { ...tokenRequestFor(wishFor()), grant: "any" };
    return await mintedByLiar(scene.domains.bed, request, { siteKey: `SHA256:${"B".repeat(43)}` });
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
