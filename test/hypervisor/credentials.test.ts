import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openLocal } from "../../provider/host/local.ts";
import type { Place } from "../../provider/hypervisor/hypervisor.ts";
import { mintCredentials } from "../../provider/hypervisor/qemu/way/credentials.ts";
import { credentialFiles, deliver, takeBack } from "../../provider/hypervisor/qemu/way/delivery.ts";

const ADDRESS = "192.0.2.131";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const HOUR_MS = 3_600_000;

test("two leaves of one authority, each for its role, its own key and little more than an hour", async () => {
  const { authority, source, destination } = await mintCredentials(ADDRESS);
  const signer = new X509Certificate(authority);
  expect(signer.ca).toBe(true);
  const [client, server] = [source, destination].map(({ certificate }) => new X509Certificate(certificate));
  expect([client?.keyUsage, server?.keyUsage]).toEqual([[CLIENT_AUTH], [SERVER_AUTH]]);
  expect([client?.checkIP(ADDRESS), server?.checkIP(ADDRESS)]).toEqual([undefined, ADDRESS]);
  for (const [leaf, { key, name }] of [
    [client, source],
    [server, destination],
  ] as const) {
    expect(leaf?.verify(signer.publicKey) && leaf.checkIssued(signer)).toBe(true);
    expect(leaf?.ca).toBe(false);
    expect(leaf?.subject).toBe(name);
    expect(leaf?.checkPrivateKey(createPrivateKey(key))).toBe(true);
    const [from, to] = [Date.parse(leaf?.validFrom ?? ""), Date.parse(leaf?.validTo ?? "")];
    expect(from).toBeLessThan(Date.now());
    expect(to - from).toBeLessThan(1.5 * HOUR_MS);
  }
});

test("no two moves share a name, a key or an authority", async () => {
  const moves = await Promise.all([mintCredentials(ADDRESS), mintCredentials(ADDRESS)]);
  for (const of of ["name", "key", "certificate"] as const) {
    const all = moves.flatMap(({ source, destination }) => [source[of], destination[of]]);
    expect(new Set(all).size).toBe(4);
  }
  expect(moves[0].authority).not.toBe(moves[1].authority);
});

test("are laid where only their owner reads them, each end's key at that end alone, and taken back", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "tt-way-"));
  const host = openLocal("here");
  const at = (site: string): Place => ({
    ...{ site, host, accelerator: "tcg", directory: `${directory}/${site}/vm`, lightpathAddress: ADDRESS },
  });
  const [here, there] = [at("here"), at("there")];
  try {
    const credentials = await mintCredentials(ADDRESS);
    await deliver(here, there, credentials);
    const ends = [
      { files: credentialFiles(here, "client"), key: credentials.source.key },
      { files: credentialFiles(there, "server"), key: credentials.destination.key },
    ];
    for (const { files, key } of ends) {
      expect((await stat(files.directory)).mode & 0o777).toBe(0o700);
      for (const name of await readdir(files.directory)) {
        expect((await stat(`${files.directory}/${name}`)).mode & 0o777, name).toBe(0o600);
        const text = await host.readFile(`${files.directory}/${name}`);
        expect(text?.includes("PRIVATE KEY"), name).toBe(text === key);
      }
      expect(await host.readFile(files.key)).toBe(key);
    }
    await takeBack(here, there);
    for (const { files } of ends) expect(await host.list(files.directory)).toEqual([]);
  } finally {
    await host.close();
    await rm(directory, { recursive: true, force: true });
  }
});
