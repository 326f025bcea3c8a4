import { writeFile } from "node:fs/promises";
import { calculateJwkThumbprint, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Grant } from "../../provider/aaa/wire.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { makeKey } from "../domain/testbed.ts";

describe("a domain's keys", () => {
  const wish = wishFor();
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains();
  });
  afterAll(async () => await domains.end());

  const signs = async () => {
    const { token } = await domains.aaa("ams.example").mintToken({ ...tokenRequestFor(wish), grant: granted.jwt });
    return { token, kid: decodeProtectedHeader(token).kid };
  };
  let granted: Grant;

  it("change in the middle of a move, which goes on with what was signed before and after", async () => {
    const { bed } = domains;
    const [old, next] = [bed.signing["ams.example"], await makeKey("ams.example")];
    const file = `${bed.directory}/ams.example.signing.jwk`;
    const set = (...keys: { key: string }[]) => JSON.stringify({ keys: keys.map(({ key }) => JSON.parse(key)) });
    granted = await domains.aaa("ams.example").requestGrant(grantFor(wish));
    const before = await signs();
    const drac = domains.drac("ams.example");
    const { connectionId } = await drac.reserve(wish, before.token);
    await writeFile(file, set(next, old));
    const kid = await calculateJwkThumbprint(next.publicKey);
    await expect.poll(async () => (await signs()).kid).toBe(kid);
    // The token, and the consents in it, are signed with the old key.
    expect((await drac.provision(connectionId, before.token)).state).toBe("provisioned");
    expect((await drac.release(connectionId)).state).toBe("reserved");
    // This one is signed with the new key, the grant and the consents under it with the old one.
    expect((await drac.provision(connectionId, (await signs()).token)).state).toBe("provisioned");
    await drac.terminate(connectionId);
    const again = await domains.aaa("ams.example").requestGrant(grantFor(wishFor({ vm: "later" })));
    expect(decodeProtectedHeader(again.jwt).kid).toBe(kid);
    await writeFile(file, "{");
    await writeFile(file, set(next));
    // What nobody publishes any more is worth nothing.
    const refused = async () => await drac.reserve(wish, before.token).catch(String);
    await expect.poll(refused).toMatch(/ams.example has no key/);
  });
});
