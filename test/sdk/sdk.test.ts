import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test } from "vitest";
import { UNKNOWN } from "../../provider/resources/unknowns.ts";
import { vmPlacementResource } from "../../provider/resources/vm-placement.ts";
import {
  AuthToken,
  Lightpath,
  Site,
  type SiteArgs,
  Tunnel,
  VmPlacement,
  type VmPlacementArgs,
} from "../../sdk/index.ts";
import { composed } from "../resources/declarations.ts";

const PREFIX = "pulumi-nodejs:dynamic/turntable:";
const registered = new Map<string, pulumi.runtime.MockResourceArgs>();

/** Pulumi's own stand-in for its engine: keeps what each resource would send. */
function listen(preview: boolean): void {
  registered.clear();
  const newResource = (sent: pulumi.runtime.MockResourceArgs) => {
    registered.set(sent.name, sent);
    const made = { connectionId: "c1", grantId: "g1", grant: "eyJ-signed", host: "ams1", epoch: 1 };
    return { id: `${sent.name}-id`, state: preview ? sent.inputs : { ...made, ...sent.inputs } };
  };
  pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "program", "test", preview);
}

const siteArgs = (name: "ams" | "san"): SiteArgs => ({
  domain: { name: `${name}.example`, url: "https://127.0.0.1:1", fingerprint: `SHA256:${"A".repeat(43)}` },
  stp: `urn:ogf:network:${name}.example:2026:site`,
  hosts: [
    {
      ...{ name: `${name}1`, address: "127.0.0.1", hostKey: "ssh-ed25519 AAAA", storage: "/s" },
      ...{ lightpath: { address: "192.0.2.1", devices: ["lp0"] }, tunnel: { address: "192.0.2.2" } },
    },
  ],
});
const vmArgs: Omit<VmPlacementArgs, "site" | "lightpath"> = {
  image: { kernel: "/k", initrd: "/i" },
  memoryMiB: 200,
  network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:00:00:01" },
};
const window = { start: "2026-01-01T00:00:00Z", end: "2026-01-02T00:00:00Z" };

/** What a resource sent, once it was sent: the program of a test is done when Pulumi is. */
async function sentBy(resource: pulumi.Resource, name: string): Promise<pulumi.runtime.MockResourceArgs> {
  await new Promise((resolve) => resource.urn.apply(resolve));
  const sent = registered.get(name);
  if (sent === undefined) throw new Error(`${name} was not registered`);
  return sent;
}

/** Unknown values as they are on the wire: the stand-in engine has objects in their place. */
function onWire(value: unknown): unknown {
  if (pulumi.isUnknown(value)) return pulumi.runtime.unknownValue;
  if (Array.isArray(value)) return value.map(onWire);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, content]) => [key, onWire(content)]));
}

/** The properties without the shell, as the provider's check gets them. */
function declared({ inputs }: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  const { __provider: _, ...properties } = inputs;
  return properties;
}

function world() {
  const [ams, san] = [new Site("ams", siteArgs("ams")), new Site("san", siteArgs("san"))];
  const grant = new AuthToken("grant", { between: [ams, san], bandwidthMbps: 900, window, vm: "radar" });
  const path = new Lightpath("path", { between: [ams, san], bandwidthMbps: 900, vm: "radar", grant });
  const vm = new VmPlacement("radar", { ...vmArgs, site: san, lightpath: path });
  const gateway = { ...{ name: "gw", address: "127.0.0.1", hostKey: "ssh-ed25519 AAAA" }, storage: "/g" };
  const end = { ...gateway, tunnel: { address: "203.0.113.2" } };
  const tunnel = new Tunnel("clients", { vm, gateway: end, address: "10.1.1.1/24", vni: 42 });
  return { ams, san, grant, path, vm, tunnel };
}

/** A provider of NSI's Connection Service, as a program declares it. */
const NSI = {
  ...{ provider: "urn:ogf:network:transit.example:2026:nsa", url: "https://127.0.0.1:1/nsi" },
  ...{ fingerprint: `SHA256:${"A".repeat(43)}`, requester: "urn:ogf:network:us.example:2026:nsa" },
  callback: { url: "https://127.0.0.1:2/callback", port: 2 },
};

/** A controller of OSCARS 1.0, as a program declares it. */
const OSCARS = {
  ...{ url: "https://127.0.0.1:1", fingerprint: `SHA256:${"A".repeat(43)}` },
  ports: { "urn:ogf:network:ams.example:2026:site": { device: "A", port: "A:1", vlans: [100, 101] } },
};

describe("the SDK", () => {
  beforeEach(() => listen(false));

  test("gives each resource the type that policies match on", async () => {
    const { tunnel, path } = world();
    await sentBy(tunnel, "clients");
    await sentBy(path, "path");
    const types = [...registered.values()].map(({ name, type }) => [name, type.replace(PREFIX, "")]).sort();
    expect(types).toEqual([
      ["ams", "Site"],
      ["clients", "Tunnel"],
      ["grant", "AuthToken"],
      ["path", "Lightpath"],
      ["radar", "VmPlacement"],
      ["san", "Site"],
    ]);
  });

  test("sends a placement with the site's name, its location beside it, path and grant", async () => {
    const { vm } = world();
    const sent = declared(await sentBy(vm, "radar"));
    expect(sent).toMatchObject({
      name: "radar",
      site: "san",
      location: { name: "san", domain: { name: "san.example" }, hosts: [{ name: "san1" }] },
      lightpath: { kind: "reserved", connectionId: "c1", bandwidthMbps: 900, home: { name: "ams.example" } },
    });
    const { failures } = await vmPlacementResource(composed()).check({ olds: {}, news: { ...sent, grant: undefined } });
    expect(failures).toEqual([]);
  });

  test.each([
    [
      { bandwidthMbps: 400, maxBandwidthMbps: 900 },
      { kind: "on-demand", bandwidthMbps: 400, maxBandwidthMbps: 900 },
    ],
    [{ fixed: true } as const, { kind: "fixed" }],
    [
      { nsi: NSI, bandwidthMbps: 400 },
      { kind: "nsi", ...NSI, bandwidthMbps: 400 },
    ],
    [
      { oscars: OSCARS, bandwidthMbps: 400, maxBandwidthMbps: 900 },
      { kind: "oscars", ...OSCARS, bandwidthMbps: 400, maxBandwidthMbps: 900 },
    ],
  ])("sends the path %j as %j", async (lightpath, expected) => {
    const vm = new VmPlacement("radar", { ...vmArgs, site: new Site("ams", siteArgs("ams")), lightpath });
    expect((await sentBy(vm, "radar")).inputs.lightpath).toEqual(expected);
  });

  test("keeps grants secret wherever they go", async () => {
    const { grant, path, vm } = world();
    expect(await pulumi.isSecret(pulumi.output(grant.reference.jwt))).toBe(true);
    for (const [resource, name] of [
      [path, "path"],
      [vm, "radar"],
    ] as const) {
      const text = JSON.stringify(declared(await sentBy(resource, name)).grant);
      expect(text).toContain("4dabf18193072939515e22adb298388d");
      expect(text).toContain("eyJ-signed");
    }
  });

  test("sends how often a path comes again", async () => {
    const { ams, san, grant } = world();
    const recurrence = { every: "weekly", times: 4, timeZone: "UTC" } as const;
    const args = { bandwidthMbps: 900, window, recurrence, vm: "radar", grant };
    const path = new Lightpath("series", { between: [ams, san], ...args });
    expect((await sentBy(path, "series")).inputs.recurrence).toEqual(recurrence);
  });

  test("sends the grant of a second way, which is secret too", async () => {
    const { ams, san, grant } = world();
    const shared = { bandwidthMbps: 900, vm: "radar" };
    const longer = { ...window, end: "2026-01-03T00:00:00Z" };
    const protectingGrant = new AuthToken("second", { between: [ams, san], ...shared, window: longer });
    const args = { ...shared, grant, protection: "domains", protectingGrant } as const;
    const sent = declared(await sentBy(new Lightpath("pair", { between: [ams, san], ...args }), "pair"));
    expect(sent.protection).toBe("domains");
    const text = JSON.stringify(sent.protectingGrant);
    expect(text).toContain(longer.end);
    expect(text).toContain("4dabf18193072939515e22adb298388d");
  });

  test("ties a tunnel to where its VM is", async () => {
    const sent = declared(await sentBy(world().tunnel, "clients"));
    expect(sent).toMatchObject({ vm: "radar", vmId: "radar-id", mac: "52:54:00:00:00:01", site: "san", epoch: 1 });
    expect(Object.keys(Object(sent.host)).sort()).toEqual(["address", "hostKey", "name", "storage", "tunnel"]);
  });

  test("keeps one small, constant shell for each type in the state", async () => {
    const { ams, san } = world();
    const [first, second] = [await sentBy(ams, "ams"), await sentBy(san, "san")];
    const text = Reflect.get(Object(first.inputs.__provider), "value") ?? first.inputs.__provider;
    expect(first.inputs.__provider).toEqual(second.inputs.__provider);
    expect(text).toContain('require("pulumi-turntable/provider").dispatch(type, verb, ...args)');
    expect(text.length).toBeLessThan(4_000);
  });
});

describe("in a first preview", () => {
  beforeEach(() => listen(true));

  test("a tunnel's host is known where the site has one, and open where it has several", async () => {
    const sent = async (site: Site, name: string) => {
      const vm = new VmPlacement(`vm-${name}`, { ...vmArgs, site, lightpath: { fixed: true } });
      const end = { ...{ name: "gw", address: "127.0.0.1", hostKey: "ssh-ed25519 AAAA" }, storage: "/g" };
      const gateway = { ...end, tunnel: { address: "203.0.113.2" } };
      return declared(await sentBy(new Tunnel(name, { vm, gateway, address: "10.1.1.1/24", vni: 42 }), name));
    };
    const one = siteArgs("ams");
    expect(await sent(new Site("ams", one), "clear")).toMatchObject({ site: "ams", host: { name: "ams1" } });
    const hosts = pulumi.output(one.hosts).apply((all) => [...all, { ...all[0], name: "ams2" }]);
    const several = new Site("many", { ...one, hosts: hosts.apply((all) => all.flatMap((host) => Object(host))) });
    expect(Object(onWire(await sent(several, "open"))).host).toBe(UNKNOWN);
  });

  test("all that is declared is known, and what is not is admitted", async () => {
    const { vm } = world();
    const sent = declared(await sentBy(vm, "radar"));
    expect(sent).toMatchObject({ site: "san", location: { hosts: [{ hostKey: "ssh-ed25519 AAAA" }] } });
    expect(UNKNOWN).toBe(pulumi.runtime.unknownValue);
    const news = Object(onWire(sent));
    expect(news).toMatchObject({ lightpath: { kind: "reserved", connectionId: UNKNOWN }, grant: { jwt: UNKNOWN } });
    const { failures } = await vmPlacementResource(composed()).check({ olds: {}, news });
    expect(failures).toEqual([]);
  });
});
