import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

const repository = path.resolve(import.meta.dirname, "../..");
const report = z.object({
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});

/** [importing file, what it imports, the rule it breaks]: one for each rule. */
const VIOLATIONS: readonly (readonly [from: string, to: string, rule: string])[] = [
  ["provider/host/ring-a.ts", "provider/host/ring-b.ts", "no-cycles"],
  ["provider/errors.ts", "sdk/plain.ts", "errors-stand-alone"],
  ["provider/resource.ts", "@pulumi/pulumi", "pulumi-at-the-edge"],
  ["provider/controller/journal.ts", "provider/composition.ts", "one-door"],
  ["provider/controller/recover.ts", "provider/resources/tunnel.ts", "resources-above-controller"],
  ["provider/hypervisor/hypervisor.ts", "provider/controller/plan.ts", "controller-above-ports"],
  ["provider/resources/vm-placement.ts", "provider/hypervisor/qemu/qemu.ts", "adapters-behind-ports"],
  ["provider/controller/relocate.ts", "provider/host/ssh.ts", "adapters-behind-ports"],
  ["provider/tunnel/tunnel.ts", "provider/tunnel/vxlan.ts", "ports-without-adapters"],
  ["provider/hypervisor/qemu/qemu.ts", "provider/host/ssh.ts", "adapters-apart"],
  ["provider/tunnel/vxlan.ts", "provider/hypervisor/qemu/qemu.ts", "adapters-apart"],
  ["provider/lightpath/drac/client.ts", "provider/aaa/client.ts", "asks-as-any-caller"],
  ["provider/lightpath/fixed/fixed.ts", "provider/lightpath/nsi/nsi.ts", "technologies-apart"],
  ["provider/tunnel/wireguard.ts", "provider/tunnel/vxlan.ts", "tunnels-apart"],
  ["provider/aaa/client.ts", "provider/host/ssh.ts", "authorization-alone"],
  ["provider/controller/steer.ts", "provider/context.ts", "spine-sees-all"],
  ["provider/controller/hold.ts", "provider/tunnel/tunnel.ts", "hold-sees-its-port"],
  ["provider/controller/authorize.ts", "provider/hypervisor/hypervisor.ts", "authorize-sees-its-port"],
  ["provider/controller/light.ts", "provider/aaa/aaa.ts", "light-sees-its-port"],
  ["provider/controller/migrate.ts", "provider/lightpath/lightpath.ts", "migrate-sees-its-port"],
  ["provider/controller/steer.ts", "provider/hypervisor/hypervisor.ts", "steer-sees-its-port"],
  ["provider/controller/release.ts", "provider/tunnel/tunnel.ts", "release-sees-its-port"],
  ["provider/domain/server.ts", "provider/aaa/client.ts", "domains-share-the-wire"],
  ["provider/domain/drac/coordinator.ts", "provider/domain/drac/sqlite/connections.ts", "stores-behind-ports"],
  ["provider/door.ts", "provider/domain/server.ts", "domains-apart"],
  ["sdk/site.ts", "provider/door.ts", "sdk-is-thin"],
  ["provider/credentials.ts", "sdk/plain.ts", "provider-below-sdk"],
  ["sdk/tunnel.ts", "examples/turn.ts", "sdk-without-examples"],
];

/** What closes the ring: a cycle is reported once. */
const RING = [["provider/host/ring-b.ts", "provider/host/ring-a.ts"]] as const;

/** What the rule must leave alone. */
const ALLOWED: readonly (readonly [from: string, to: string])[] = [
  ["provider/index.ts", "@pulumi/pulumi"],
  ["provider/index.ts", "provider/door.ts"],
  ["provider/composition.ts", "provider/hypervisor/qemu/qemu.ts"],
  ["provider/composition.ts", "provider/host/ssh.ts"],
  ["provider/resources/vm-placement.ts", "provider/controller/relocate.ts"],
  ["provider/controller/relocate.ts", "provider/context.ts"],
  ["provider/controller/relocate.ts", "provider/tunnel/tunnel.ts"],
  ["provider/controller/migrate.ts", "provider/hypervisor/hypervisor.ts"],
  ["provider/hypervisor/qemu/qemu.ts", "provider/host/host.ts"],
  ["provider/lightpath/nsi/nsi.ts", "provider/aaa/channel.ts"],
  ["provider/controller/placement.ts", "provider/lightpath/oscars/record.ts"],
  ["provider/domain/server.ts", "provider/aaa/wire.ts"],
  ["provider/domain/server.ts", "provider/lightpath/drac/wire.ts"],
  ["provider/domain/nsi/provider.ts", "provider/lightpath/nsi/wire/messages.ts"],
  ["provider/domain/drac/half.ts", "provider/domain/drac/sqlite/connections.ts"],
  ["provider/domain/drac/sqlite/connections.ts", "provider/domain/drac/stored/connections.ts"],
  ["sdk/site.ts", "provider/host/record.ts"],
];

const imported = (from: string, to: string): string => {
  if (to.startsWith("@")) return to;
  const relative = path.relative(path.dirname(from), to);
  return relative.startsWith(".") ? relative : `./${relative}`;
};

/** Writes files that import one another as given, and returns what depcruise finds: "from → to: rule". */
async function cruise(
  folder: string,
  imports: readonly (readonly [string, string, ...unknown[]])[],
): Promise<string[]> {
  const lines = new Map<string, string[]>();
  for (const [from, to] of imports) {
    lines.set(from, [...(lines.get(from) ?? []), `import "${imported(from, to)}";`]);
    if (!to.startsWith("@")) lines.set(to, lines.get(to) ?? []);
  }
  for (const [name, content] of lines) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content.join("\n"));
  }
  const depcruise = path.join(repository, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const config = path.join(repository, ".dependency-cruiser.cjs");
  const args = [depcruise, "--config", config, "--output-type", "json", "provider", "sdk", "examples"];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 24 }, (_, stdout) => resolve(stdout));
  });
  return report
    .parse(JSON.parse(output))
    .summary.violations.map(({ from, to, rule }) => `${from} → ${to}: ${rule.name}`);
}

describe("the dependency rule", () => {
  let scratch = "";
  let found: string[] = [];

  beforeAll(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), "turntable-dependency-rule-"));
    await mkdir(path.join(scratch, "examples"));
    found = await cruise(scratch, [...VIOLATIONS, ...RING]);
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  test.each(VIOLATIONS)("%s must not import %s: %s", (from, to, rule) => {
    expect(found).toContain(`${from} → ${to}: ${rule}`);
  });

  test("lets through what the design allows", async () => {
    const folder = path.join(scratch, "allowed");
    await mkdir(path.join(folder, "examples"), { recursive: true });
    expect(await cruise(folder, ALLOWED)).toEqual([]);
  });

  test("has a violation here for each of its rules", async () => {
    const config = z.object({ default: z.object({ forbidden: z.array(z.object({ name: z.string() })) }) });
    const { default: rules } = config.parse(await import(path.join(repository, ".dependency-cruiser.cjs")));
    expect(new Set(VIOLATIONS.map(([, , rule]) => rule))).toEqual(new Set(rules.forbidden.map(({ name }) => name)));
  });
});
