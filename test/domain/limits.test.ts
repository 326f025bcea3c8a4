import { readFile, stat } from "node:fs/promises";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Domains, grantFor, startDomains, tokenRequestFor, wishFor } from "./agents.ts";

describe("a domain's limits", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains();
  });
  afterAll(async () => await domains.end());

  it("lends no more under one grant than the grant says, whatever is free", async () => {
    const wish = wishFor({ bandwidthMbps: 300 });
    const [aaa, drac] = [domains.aaa("ams.example"), domains.drac("ams.example")];
    const { jwt } = await aaa.requestGrant(grantFor({ ...wish, bandwidthMbps: 500 }));
    const token = async () => (await aaa.mintToken({ ...tokenRequestFor(wish), grant: jwt })).token;
    const first = await drac.reserve(wish, await token());
    const refusal = /grant does not cover another 300 Mbps: of the 500 Mbps that .* agreed to, 300 Mbps are reserved/;
    await expect(drac.reserve(wish, await token())).rejects.toThrow(refusal);
    const less = { ...wish, bandwidthMbps: 200 };
    await drac.terminate((await drac.reserve(less, await token())).connectionId);
    await drac.terminate(first.connectionId);
    await drac.terminate((await drac.reserve(wish, await token())).connectionId);
  });

  it("keeps its store to itself", async () => {
    for (const file of ["ams.example.sqlite", "ams.example.sqlite-wal"]) {
      expect((await stat(`${domains.bed.directory}/${file}`)).mode & 0o777, file).toBe(0o600);
    }
  });

  it("answers no body and no header that is too long", async () => {
    const ca = await readFile(domains.bed.certificateFile("ams.example"));
    const dispatcher = new Agent({ connect: { ca, servername: "ams.example" } });
    const url = `${domains.bed.records["ams.example"].url}/aaa/grants`;
    const long = request(url, { dispatcher, headers: { authorization: "x".repeat(70_000) } });
    expect(["431", "SocketError: other side closed"]).toContain(
      await long.then(({ statusCode }) => String(statusCode), String),
    );
    await dispatcher.close();
    const vm = "x".repeat(70_000);
    await expect(domains.aaa("ams.example").requestGrant({ ...grantFor(wishFor()), vm })).rejects.toThrow(
      /request.malformed/,
    );
  });

  it("hears no one who asks for more than it can answer", async () => {
    const ca = await readFile(domains.bed.certificateFile("san.example"));
    const dispatcher = new Agent({ connections: 10, connect: { ca, servername: "san.example" } });
    const url = `${domains.bed.records["san.example"].url}/drac/connections`;
    const asked = Array.from({ length: 4_000 }, async () => {
      const { statusCode, body } = await request(url, { dispatcher });
      await body.dump();
      return statusCode;
    });
    const answers = await Promise.all(asked);
    await dispatcher.close();
    expect(answers.slice(0, 900).every((status) => status === 401)).toBe(true);
    expect(answers.filter((status) => status === 429).length).toBeGreaterThan(0);
    // Another time it is heard again.
    const heard = async () => await domains.aaa("san.example").grantStatus("none").catch(String);
    await expect.poll(heard, { timeout: 20_000 }).toBeUndefined();
  }, 60_000);
});
