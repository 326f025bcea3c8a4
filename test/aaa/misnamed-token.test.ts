import { afterAll, beforeAll, expect, test } from "vitest";
import type { TokenRequest } from "../../provider/aaa/wire.ts";
import { tokenRequestFor, wishFor } from "../domain/agents.ts";
import { makeTestbed, NAMES, type Testbed } from "../domain/testbed.ts";
import { mintedByLiar } from "./liar.ts";

let bed: Testbed;
beforeAll(async () => {
  bed = await makeTestbed();
});
afterAll(async () => await bed.remove());

const request: TokenRequest = { ...tokenRequestFor(wishFor()), grant: "any" };

const mintedBy = async (change: Partial<TokenRequest>) => await mintedByLiar(bed, request, change);

test("a token for the host key that the session is pinned to is taken", async () => {
  expect((await mintedBy({})).domains).toEqual(NAMES);
});

test.each([{ siteKey: `SHA256:${"B".repeat(43)}` }, { vm: "other" }, { to: "urn:ogf:network:elsewhere:2026:host" }])(
  "a token that says %j instead is refused",
  async (change) => {
    const refused = { code: "domain.refused", retry: "never" };
    await expect(mintedBy(change)).rejects.toMatchObject(refused);
  },
);
