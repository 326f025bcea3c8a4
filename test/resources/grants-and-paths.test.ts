import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Properties, Resource } from "../../provider/resource.ts";
import { authTokenResource } from "../../provider/resources/auth-token.ts";
import { lightpathResource } from "../../provider/resources/lightpath.ts";
import { UNKNOWN } from "../../provider/resources/unknowns.ts";
import { composed, grantDeclared, lightpathDeclared, listener } from "./declarations.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const AS_CALLER = { callerId: "demo", callerKey: JSON.stringify(privateKey.export({ format: "jwk" })) };

async function diffed(resource: Resource, olds: Properties, news: Properties) {
  const before = (await resource.check({ olds: {}, news: olds })).inputs;
  const after = (await resource.check({ olds: before, news })).inputs;
  return resource.diff({ id: "1", olds: { ...before, state: olds.state }, news: after });
}

describe("a grant", () => {
  const resource = authTokenResource(composed());
  const granted = { ...grantDeclared, grantId: "g1", grant: "eyJ", domains: ["ams.example"], state: "active" };
  const difference = (olds: Properties, news: Properties) => resource.diff({ id: "g1", olds, news });

  test("that has expired is no change until other inputs are declared", async () => {
    expect(await difference(granted, grantDeclared)).toMatchObject({ changes: false, replaces: [] });
    const window = { start: "2026-02-01T00:00:00Z", end: "2026-02-02T00:00:00Z" };
    expect(await difference(granted, { ...grantDeclared, window })).toMatchObject({
      changes: true,
      replaces: ["window"],
    });
  });

  test("that was revoked is asked for anew", async () => {
    const again = await difference({ ...granted, state: "revoked" }, grantDeclared);
    expect(again).toEqual({ changes: true, replaces: ["state"], deleteBeforeReplace: false });
  });

  test("whose domain does not answer is kept on refresh, with a warning", async () => {
    const narrator = listener();
    const read = authTokenResource(composed(AS_CALLER, narrator)).read({ id: "g1", props: granted });
    expect(await read).toEqual({ id: "g1", props: granted, inputs: grantDeclared });
    expect(narrator.lines).toHaveLength(1);
    expect(narrator.lines[0]).toMatch(
      /^warn: Grant g1 was not checked and is kept as recorded: ams.example at .*ECONNREFUSED/,
    );
  });

  test("whose domain is silent is forgotten once it has run out, and not before", async () => {
    const narrator = listener();
    const silent = authTokenResource(composed(AS_CALLER, narrator));
    await silent.delete({ id: "g1", props: granted });
    expect(narrator.lines).toEqual([expect.stringMatching(/^warn: Grant g1 ended at .*nothing is left to give back/)]);
    const end = new Date(Date.now() + 60_000).toISOString();
    const props = { ...granted, window: { start: "2026-01-01T00:00:00Z", end } };
    await expect(silent.delete({ id: "g1", props })).rejects.toThrow(
      /Grant g1 is not all given back: ams.example .*`pulumi state delete` forgets this resource/,
    );
  });

  test("between a site and itself is refused", async () => {
    const [one] = [...(Array.isArray(grantDeclared.between) ? grantDeclared.between : [])];
    const { failures } = await resource.check({ olds: {}, news: { ...grantDeclared, between: [one, one] } });
    expect(failures).toEqual([{ property: "between", reason: "must be two different service termination points" }]);
  });

  test("cannot be asked for by nobody", async () => {
    await expect(resource.create({ inputs: grantDeclared })).rejects.toMatchObject({ code: "credentials.missing" });
  });
});

describe("a lightpath", () => {
  const resource = lightpathResource(composed());

  test.each([
    ["bandwidthMbps", 500],
    ["mtu", 1500],
    ["hours", 1],
    ["vm", "sonar"],
  ])("of another %s is another reservation, made after the old one is given back", async (key, value) => {
    const difference = await diffed(resource, lightpathDeclared, { ...lightpathDeclared, [key]: value });
    expect(difference).toEqual({ changes: true, replaces: [key], deleteBeforeReplace: true });
  });

  test("under another grant stays the same reservation", async () => {
    const grant = { ...Object(lightpathDeclared.grant), id: UNKNOWN, jwt: UNKNOWN };
    const difference = await diffed(resource, lightpathDeclared, { ...lightpathDeclared, grant });
    expect(difference).toMatchObject({ changes: true, replaces: [] });
  });

  test("asked of another domain is another reservation: the old one only its own domain can end", async () => {
    const { home, ...rest } = Object(lightpathDeclared.grant);
    const grant = { ...rest, home: { ...home, name: "san.example" } };
    const difference = await diffed(resource, lightpathDeclared, { ...lightpathDeclared, grant });
    expect(difference).toEqual({ changes: true, replaces: ["grant"], deleteBeforeReplace: true });
  });

  test("on demand cannot outlive its grant", async () => {
    const made = lightpathResource(composed(AS_CALLER)).create({ inputs: lightpathDeclared });
    await expect(made).rejects.toThrow("The grant g1 ended at 2026-01-02T00:00:00Z (input.invalid)");
  });
});
