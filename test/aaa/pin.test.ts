import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AaaClient } from "../../provider/aaa/client.ts";
import { certificateFingerprint, domainRecord } from "../../provider/aaa/domain-record.ts";
import { makeCertificate, makeTestbed, type Testbed } from "../domain/testbed.ts";

const run = promisify(execFile);

describe("a domain's pinned certificate", () => {
  let bed: Testbed;
  const file = (name: string): string => join(bed.directory, name);
  beforeAll(async () => {
    bed = await makeTestbed();
  });
  afterAll(async () => await bed.remove());

  async function certificate(name: string, host = "ams.example") {
    await makeCertificate(host, file(`${name}.key`), file(`${name}.pem`));
    const [key, cert] = [await readFile(file(`${name}.key`)), await readFile(file(`${name}.pem`), "utf8")];
    return { key, cert, fingerprint: certificateFingerprint(cert) };
  }

  async function outdated() {
    const { key } = await certificate("over");
    await run("openssl", [
      "req",
      "-new",
      "-key",
      file("over.key"),
      "-subj",
      "/CN=ams.example",
      "-out",
      file("over.csr"),
    ]);
    const sign = ["x509", "-req", "-in", file("over.csr"), "-signkey", file("over.key"), "-days", "-1"];
    await run("openssl", [...sign, "-out", file("over.pem")]);
    const cert = await readFile(file("over.pem"), "utf8");
    return { key, cert, fingerprint: certificateFingerprint(cert) };
  }

  /** What a client of a domain with this pin says, and how many bytes reach a server that shows this certificate. */
  async function attempt(shown: TlsOptions, fingerprint: string) {
    let bytes = 0;
    const server = createServer(shown, (socket) => {
      socket
        .on("error", () => undefined)
        .on("data", (data) => {
          bytes += data.length;
          socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}");
        });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const url = `https://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    const client = new AaaClient({ name: "ams.example", url, fingerprint }, bed.clients.alice);
    const said = await client.grantStatus("any").catch(String);
    await client.close();
    await new Promise((resolve) => server.close(resolve));
    return { bytes, said };
  }

  it("lets a request out to nobody else", async () => {
    const [genuine, fake] = [await certificate("genuine"), await certificate("fake")];
    const { bytes, said } = await attempt(fake, genuine.fingerprint);
    expect(said).toContain(`it shows another certificate (${fake.fingerprint}) than the one pinned for ams.example`);
    expect(bytes).toBe(0);
    // The same server is asked by whom its certificate is pinned for: it is the pin that refused.
    expect((await attempt(fake, fake.fingerprint)).bytes).toBeGreaterThan(0);
  });

  it("is refused in another domain's name, and when its time is over", async () => {
    const other = await certificate("other", "transit.example");
    const misnamed = await attempt(other, other.fingerprint);
    expect(misnamed).toMatchObject({ bytes: 0, said: expect.stringContaining("is not for ams.example") });
    const over = await outdated();
    const late = await attempt(over, over.fingerprint);
    expect(late).toMatchObject({ bytes: 0, said: expect.stringContaining("its certificate is for the time from") });
  });

  it("is told as openssl tells it", async () => {
    const { cert, fingerprint } = await certificate("told");
    const told = await run("openssl", ["x509", "-in", file("told.pem"), "-noout", "-fingerprint", "-sha256"]);
    const hex = told.stdout.trim().split("=")[1]?.replaceAll(":", "") ?? "";
    expect(fingerprint).toBe(`SHA256:${Buffer.from(hex, "hex").toString("base64").replace("=", "")}`);
    const record = { name: "ams.example", url: "https://ams.example:8443", fingerprint };
    expect(domainRecord.parse(record)).toEqual(record);
    for (const wrong of [
      { fingerprint: cert },
      { fingerprint: `${fingerprint}A` },
      { url: "http://ams.example:8443" },
    ]) {
      expect(domainRecord.safeParse({ ...record, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
    }
  });
});
