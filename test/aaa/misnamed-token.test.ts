import { afterAll, beforeAll, expect, test } from "vitest";
import type { PlacementDetails } from "../../provider/aaa/token.ts";
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

const mintedBy = async (change: Partial<TokenRequest>, ...placements: PlacementDetails[]) =>
  await mintedByLiar(bed, request, change, ...placements);

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

test("a token that lets the VM be placed at another host is refused", async () => {
  const placement = { type: "vm-placement", vm: request.vm, site: request.to, siteKey: request.siteKey } as const;
  expect((await mintedBy({}, placement)).domains).toEqual(NAMES);
  const elsewhere = mintedBy({}, { ...placement, siteKey: `SHA256:${"B".repeat(43)}` });
  await expect(elsewhere).rejects.toMatchObject({ code: "domain.refused", retry: "never" });
});
