import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { files } from "../../provider/hypervisor/qemu/files.ts";
import { type Leaf, mintCredentials, type WayCredentials } from "../../provider/hypervisor/qemu/way/credentials.ts";
import { credentialFiles, deliver } from "../../provider/hypervisor/qemu/way/delivery.ts";
import { freePort } from "../../provider/hypervisor/qemu/way/free-port.ts";
import { closeWay, standStunnels } from "../../provider/hypervisor/qemu/way/memory.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";
import { show } from "./way-leaf.ts";

let hosts: TwoHosts;
let genuine: WayCredentials;
/** Of another move between the same two hosts. */
let earlier: WayCredentials;
/** What stands where the destination's QEMU would, and hears what arrives. */
let heard = "";
const far = createServer((socket) => {
  socket.on("data", (data) => {
    heard += data.toString();
    socket.destroy();
  });
});

beforeAll(async () => {
  hosts = await twoHosts("mway");
  genuine = await mintCredentials(hosts.there.lightpathAddress);
  earlier = await mintCredentials(hosts.there.lightpathAddress);
}, 120_000);
afterEach(async () => {
  heard = "";
  for (const place of [hosts.here, hosts.there]) await closeWay(place);
});
afterAll(async () => {
  far.close();
  await hosts?.close();
});

/** Whether what is said at the source is heard at the destination, when each end shows such a leaf. */
async function crosses(client: Leaf, server: Leaf): Promise<boolean> {
  const { here, there } = hosts;
  for (const place of [here, there]) await closeWay(place);
  await deliver(here, there, genuine);
  await show(here, "client", client);
  await show(there, "server", server);
  await listening();
  await standStunnels(here, there, { address: there.lightpathAddress, port: await freePort(there) });
  const socket = await here.host.connect(files(here.directory).memoryWaySocket);
  const closed = Promise.withResolvers<void>();
  // A way that is refused is reset.
  socket.on("error", () => undefined).on("close", () => closed.resolve());
  socket.resume().write("memory");
  await closed.promise;
  return heard === "memory";
}

async function listening(): Promise<void> {
  if (far.listening) {
    far.close();
    await once(far, "close");
  }
  heard = "";
  far.listen(files(hosts.there.directory).memoryWaySocket);
  await once(far, "listening");
}

test("joins the two leaves of one move, and its end at one side ends it at the other", async () => {
  expect(await crosses(genuine.source, genuine.destination)).toBe(true);
}, 120_000);

test("leads to no impostor, and is open to nobody else", async () => {
  expect(await crosses(genuine.source, earlier.destination), "an earlier move's destination").toBe(false);
  expect(await crosses(genuine.source, genuine.source), "a source as destination").toBe(false);
  expect(await crosses(earlier.source, genuine.destination), "an earlier move's source").toBe(false);
  expect(await crosses(genuine.destination, genuine.destination), "a destination as source").toBe(false);
}, 120_000);

test("is closed to whom shows no leaf, or speaks an older TLS", async () => {
  const { here, there } = hosts;
  await deliver(here, there, genuine);
  await listening();
  const port = await freePort(there);
  await standStunnels(here, there, { address: there.lightpathAddress, port });
  const at = credentialFiles(here, "client");
  const ask = async (...options: string[]) => {
    const argv = ["openssl", "s_client", "-quiet", "-connect", `${there.lightpathAddress}:${port}`, ...options];
    await here.host.run(argv, { input: "memory", allowFailure: true });
    return heard;
  };
  const leaf = ["-cert", at.certificate, "-key", at.key];
  expect(await ask("-tls1_3")).toBe("");
  expect(await ask("-tls1_2", ...leaf)).toBe("");
  expect(await ask("-tls1_3", ...leaf)).toBe("memory");
}, 120_000);
