import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { description, descriptionFile, readDescription } from "../../examples/lab/description.ts";

const shipped: unknown = JSON.parse(readFileSync(new URL("../../examples/lab/lab.json", import.meta.url), "utf8"));

function changed(changes: object): unknown {
  return { ...description.parse(shipped), ...changes };
}

describe("the lab's description", () => {
  it("is valid as shipped: 198 ms, 1 Gbit/s, no loss, 20 Mbit/s routed", () => {
    const parsed = description.parse(shipped);
    expect(parsed.span).toEqual({ rttMs: 198, rateMbps: 1000, lossPercent: 0 });
    expect(parsed.routed.rateMbps).toBe(20);
  });

  it.each([
    ["a name that would not fit a namespace", { name: "Much-Too-Long" }],
    ["a relative directory", { directory: "lab" }],
    ["a directory at the top of the file system", { directory: "/var" }],
    ["a directory that climbs", { directory: "/var/../etc" }],
    ["a directory too long for sockets below it", { directory: `/var/${"x".repeat(60)}` }],
    ["total loss", { span: { rttMs: 1, rateMbps: 1, lossPercent: 100 } }],
    [
      "a port used twice",
      { ports: { ams: 2201, san: 2202, gateway: 2203, agents: { ams: 2201, transit: 1, san: 2 } } },
    ],
    ["a key that is not known", { rtt: 5 }],
  ])("refuses %s", (_, changes) => {
    expect(description.safeParse(changed(changes)).success).toBe(false);
  });

  it("refuses two equal ports even across sites and agents", () => {
    const ports = { ams: 2201, san: 2202, gateway: 2203, agents: { ams: 8441, transit: 8442, san: 2201 } };
    const result = description.safeParse(changed({ ports }));
    expect(result.error?.issues.map(({ path, message }) => [path.join("."), message])).toEqual([
      ["ports", "must all differ"],
    ]);
  });

  it("is read from the file that TURNTABLE_LAB_DESCRIPTION names, and says what is wrong with it", () => {
    const before = process.env.TURNTABLE_LAB_DESCRIPTION;
    try {
      process.env.TURNTABLE_LAB_DESCRIPTION = "/nowhere/lab.json";
      expect(() => readDescription(descriptionFile())).toThrow(/\/nowhere\/lab\.json cannot be read.*input\.invalid/s);
    } finally {
      if (before === undefined) delete process.env.TURNTABLE_LAB_DESCRIPTION;
      else process.env.TURNTABLE_LAB_DESCRIPTION = before;
    }
  });
});
