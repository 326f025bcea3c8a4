import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";
import { SignJWT } from "jose";
import { AaaClient } from "../../provider/aaa/client.ts";
import { certificateFingerprint } from "../../provider/aaa/domain-record.ts";
import type { PlacementDetails } from "../../provider/aaa/token.ts";
import type { TokenRequest } from "../../provider/aaa/wire.ts";
import { makeCertificate, NAMES, type Testbed } from "../domain/testbed.ts";

/** What a caller gets of a domain which answers every wish with a token of these details. */
export async function mintedByLiar(
  bed: Testbed,
  request: TokenRequest,
  change: Partial<TokenRequest>,
  ...placements: PlacementDetails[]
) {
  const [key, pem] = [join(bed.directory, "liar.key"), join(bed.directory, "liar.pem")];
  await makeCertificate("ams.example", key, pem);
  const details = { type: "lightpath", ...request, domains: NAMES, ...change };
  const token = await new SignJWT({
    authorization_details: [details, ...placements],
    cnf: { jkt: "any" },
    consents: {},
  })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("https://ams.example")
    .setExpirationTime("1m")
    .setSubject("alice")
    .setAudience([...NAMES])
    .setJti("one")
    .sign(Buffer.alloc(32));
  const answer = JSON.stringify({ access_token: token, token_type: "DPoP", expires_in: 60 });
  const shown = { key: await readFile(key), cert: await readFile(pem, "utf8") };
  const server = createServer(shown, (_, response) => void response.end(answer)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `https://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const client = new AaaClient(
    { name: "ams.example", url, fingerprint: certificateFingerprint(shown.cert) },
    bed.clients.alice,
  );
  try {
    return await client.mintToken(request);
  } finally {
    await client.close();
    server.close();
  }
}
