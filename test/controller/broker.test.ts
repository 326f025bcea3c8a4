import { afterAll, beforeAll, expect, test } from "vitest";
import type { Context } from "../../provider/context.ts";
import { chooseHost } from "../../provider/controller/broker.ts";
import type { Location } from "../../provider/controller/placement.ts";
import { TurntableError } from "../../provider/errors.ts";
import { openLocal } from "../../provider/host/local.ts";
import type { Survey } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

let sites: TwoSites;
const host = openLocal("anywhere");

beforeAll(async () => {
  sites = await twoSites();
});
afterAll(async () => {
  await host.close();
  await sites?.close();
});

/** What each host of a site offers; `undefined`: it does not answer. */
type Offered = Readonly<Record<string, Partial<Survey> | undefined>>;

function siteWith(offered: Offered): { context: Context; site: Location; asked: string[] } {
  const [pattern] = sites.san.hosts;
  if (!pattern) throw new Error("san has no host");
  const asked: string[] = [];
  const records = Object.keys(offered).map((name) => ({ ...pattern, name, storage: `/${name}` }));
  const context: Context = {
    ...sites.context,
    hosts: {
      open: async ({ name }) => {
        if (offered[name] !== undefined) return host;
        const details = { retry: "safe", next: "Reach it." } as const;
        throw new TurntableError("host.unreachable", `${name} is silent`, details);
      },
    },
    hypervisor: () => ({
      ...qemu,
      survey: async (_, storage) => {
        const name = storage.slice(1);
        asked.push(name);
        return { ...ROOMY, ...offered[name] };
      },
    }),
  };
  return { context, site: { ...sites.san, hosts: records }, asked };
}

const ROOMY: Survey = {
  ...{ cpus: 1, threads: 4, memoryMiB: 8_192, memoryAvailableMiB: 4_096, storageAvailableMiB: 4_096 },
  ...{ vcpusSubscribed: 0, machine: "pc-i440fx-10.0", machines: [], cpuFlags: [] },
  ...{ hypervisor: "qemu", version: "10", missing: [] },
};

const chosen = async ({ context, site }: ReturnType<typeof siteWith>) =>
  (await chooseHost(context, site, "tiny")).record.name;

test("the host with the most memory free is chosen", async () => {
  const site = siteWith({ small: { memoryAvailableMiB: 512 }, large: { memoryAvailableMiB: 2_048 }, medium: {} });
  expect(await chosen(site)).toBe("medium");
  expect(site.asked.sort()).toEqual(["large", "medium", "small"]);
});

test("of hosts whose threads are over-subscribed the least is chosen, whatever their memory", async () => {
  const full = { vcpusSubscribed: 12, memoryAvailableMiB: 9_999 };
  expect(await chosen(siteWith({ full, spare: { vcpusSubscribed: 5, memoryAvailableMiB: 512 } }))).toBe("spare");
  expect(await chosen(siteWith({ idle: { memoryAvailableMiB: 512 }, light: { vcpusSubscribed: 4 } }))).toBe("light");
});

test("one that lacks something is chosen only where all do", async () => {
  const lacking = { missing: ["nbdkit is not there"], memoryAvailableMiB: 9_999 };
  expect(await chosen(siteWith({ lacking, whole: { memoryAvailableMiB: 128 } }))).toBe("whole");
  expect(await chosen(siteWith({ lacking, silent: undefined }))).toBe("lacking");
});

test("one that is silent does not keep the others from being chosen", async () => {
  expect(await chosen(siteWith({ silent: undefined, one: { memoryAvailableMiB: 1 }, other: {} }))).toBe("other");
});

test("where none answers, the reason is told; a site with one host is not asked", async () => {
  await expect(chosen(siteWith({ one: undefined, other: undefined }))).rejects.toMatchObject({
    code: "host.unreachable",
  });
  const single = siteWith({ only: {} });
  expect(await chosen(single)).toBe("only");
  expect(single.asked).toEqual([]);
});
