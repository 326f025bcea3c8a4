import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Composition } from "../../provider/composition.ts";
import { hostKeyFingerprint } from "../../provider/host/host-key.ts";
import type { Properties } from "../../provider/resource.ts";
import { siteResource } from "../../provider/resources/site/site.ts";
import { freePort, Sshd } from "../host/sshd.ts";
import { composed, listener, siteNamed } from "./declarations.ts";

describe("a site", () => {
  let sshd: Sshd;
  let other: Sshd;
  let context: Composition;
  const narrator = listener();

  const hostAt = (server: Sshd, name: string, change: Properties = {}): Properties => ({
    ...server.record({ name }),
    accelerator: "tcg",
    lightpath: { address: "192.0.2.10", devices: ["lo"] },
    tunnel: { address: "127.0.0.1" },
    ...change,
  });
  const siteOf = (...hosts: Properties[]): Properties => ({ ...siteNamed("ams"), hosts });

  beforeAll(async () => {
    sshd = new Sshd(await freePort());
    other = new Sshd(await freePort());
    await sshd.start();
    context = composed({ sshKeyFile: sshd.client.file }, narrator);
  });
  afterAll(async () => {
    await context.rest();
    await sshd.stop();
    await other.stop();
  });

  async function create(declared: Properties) {
    const { inputs, failures } = await siteResource(context).check({ olds: {}, news: declared });
    expect(failures).toEqual([]);
    return siteResource(context).create({ inputs });
  }

  test("is recorded with what its hosts have", async () => {
    const { id, outs } = await create(siteOf(hostAt(sshd, "ams1")));
    expect(id).toBe("ams");
    expect(outs.facts).toMatchObject([
      { name: "ams1", hypervisor: "qemu", accelerator: "tcg", fingerprint: hostKeyFingerprint(sshd.hostKey.publicKey) },
    ]);
    expect(JSON.stringify(outs)).not.toContain("PRIVATE KEY");
    const again = await siteResource(context).read({ id, props: outs });
    expect(again.props).toEqual(outs);
    expect(await siteResource(context).diff({ id, olds: outs, news: again.inputs })).toMatchObject({ changes: false });
  });

  test("is refused with everything that is missing, of all its hosts at once", async () => {
    const bare = hostAt(sshd, "ams1", {
      lightpath: { address: "192.0.2.10", devices: ["lo", "lp7", "lp8"] },
      tunnel: { address: "192.0.2.77" },
    });
    const made = create(
      siteOf(bare, hostAt(other, "ams2"), hostAt(sshd, "ams3", { hostKey: other.hostKey.publicKey })),
    );
    const refusal = await made.catch((thrown: Error) => thrown.message);
    expect(refusal).toContain("Site ams is not ready: ams1: the lightpath device lp7 does not exist");
    expect(refusal).toContain("ams1: the lightpath device lp8 does not exist");
    expect(refusal).toContain("ams1: no device has the tunnel address 192.0.2.77");
    expect(refusal).toMatch(/ams2: .*cannot be reached/);
    expect(refusal).toMatch(/ams3: .*another host key/);
  });

  test("that does not answer a refresh is kept as recorded, with a warning", async () => {
    const { id, outs } = await create(siteOf(hostAt(sshd, "ams1")));
    const gone = composed({ sshKeyFile: sshd.client.file }, narrator);
    const moved = { ...outs, hosts: [{ ...Object(hostAt(other, "ams1")), hypervisor: "qemu" }] };
    expect(await siteResource(gone).read({ id, props: moved })).toMatchObject({ id, props: { facts: outs.facts } });
    expect(narrator.lines.at(-1)).toMatch(/^warn: Site ams: ams1: .*cannot be reached.* What was recorded is kept\.$/);
  });

  test("says what credential is missing instead of blaming its hosts", async () => {
    const without = composed({ sshKeyFile: "/nowhere/key" });
    const { inputs } = await siteResource(without).check({ olds: {}, news: siteOf(hostAt(sshd, "ams1")) });
    await expect(siteResource(without).create({ inputs })).rejects.toMatchObject({ code: "credentials.missing" });
  });
});
