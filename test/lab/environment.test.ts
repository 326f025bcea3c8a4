import { describe, expect, it } from "vitest";
import { run } from "../../examples/lab/command.ts";
import { description } from "../../examples/lab/description.ts";
import { shellEnvironment, shellExports } from "../../examples/lab/environment.ts";
import { layOut } from "../../examples/lab/layout.ts";

const lab = {
  ...layOut(
    description.parse({
      name: "env",
      directory: "/var/tmp/unused",
      stack: "lab",
      span: { rttMs: 1, rateMbps: 1, lossPercent: 0 },
      routed: { rateMbps: 1 },
      ports: { ams: 2201, san: 2202, gateway: 2203, agents: { ams: 8441, transit: 8442, san: 8443 } },
    }),
  ),
  // No description allows such a path; quoting must not depend on that.
  path: (...parts: string[]) => ["/tmp/it's $HOME; `id`", ...parts].join("/"),
};

describe("the environment for a shell", () => {
  it("arrives in a shell exactly as meant", async () => {
    const { PATH, ...variables } = shellEnvironment(lab);
    const seen = await run(["sh", "-c", 'eval "$1"; env', "sh", shellExports(lab)]);
    for (const [name, value] of Object.entries(variables)) expect(seen.split("\n")).toContain(`${name}=${value}`);
    expect(seen.split("\n")).toContain(`PATH=${PATH}`);
  });

  it("names where the passphrase is, not the passphrase", () => {
    expect(shellEnvironment(lab).PULUMI_CONFIG_PASSPHRASE_FILE).toBe(lab.path("keys", "passphrase"));
    expect(Object.keys(shellEnvironment(lab))).not.toContain("PULUMI_CONFIG_PASSPHRASE");
  });
});
