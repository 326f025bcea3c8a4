import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { Properties } from "../../provider/resource.ts";
import { authTokenInputs } from "../../provider/resources/auth-token.ts";
import {
  changedInputs,
  checkInputs,
  parseKnown,
  parseRecorded,
  propertyPath,
} from "../../provider/resources/inputs.ts";
import { lightpathInputs } from "../../provider/resources/lightpath/inputs.ts";
import { siteInputs } from "../../provider/resources/site/site.ts";
import { tunnelInputs } from "../../provider/resources/tunnel.ts";
import { UNKNOWN } from "../../provider/resources/unknowns.ts";
import { declaredPlacement } from "../../provider/resources/vm-placement.ts";
import { grantDeclared, lightpathDeclared, placementAt, siteNamed, tunnelDeclared } from "./declarations.ts";

const DECLARED: [string, z.ZodObject, Properties][] = [
  ["Site", siteInputs, siteNamed("ams")],
  ["AuthToken", authTokenInputs, grantDeclared],
  ["Lightpath", lightpathInputs, lightpathDeclared],
  ["VmPlacement", declaredPlacement, placementAt("ams")],
  ["Tunnel", tunnelInputs, tunnelDeclared],
];

/** Paths of everything in a value, itself left out. */
function pathsIn(value: unknown): PropertyKey[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, content]) => {
    const key = Array.isArray(value) ? Number(name) : name;
    return [[key], ...pathsIn(content).map((rest) => [key, ...rest])];
  });
}

function withAt(value: unknown, [key, ...rest]: readonly PropertyKey[], put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value))
    return value.map((content, index) => (index === key ? withAt(content, rest, put) : content));
  if (typeof value !== "object" || value === null) return value;
  return { ...value, [key]: withAt(Reflect.get(value, key), rest, put) };
}

function bag(value: unknown): Properties {
  return { ...Object(value) };
}

describe.each(DECLARED)("inputs of a %s", (_type, schema, declared) => {
  const paths = pathsIn(declared).map((path) => ({ path }));

  test("are accepted as declared, and parse again to the same", () => {
    const { inputs, failures } = checkInputs(schema, declared);
    expect(failures).toEqual([]);
    expect(checkInputs(schema, inputs)).toEqual({ inputs, failures: [] });
  });

  test("may be unknown anywhere, with the same defaults filled in as when all is known", () => {
    const { inputs: whole } = checkInputs(schema, declared);
    fc.assert(
      fc.property(fc.subarray(paths, { minLength: 1, maxLength: 3 }), (chosen) => {
        const put = (value: unknown) => chosen.reduce((result, { path }) => withAt(result, path, UNKNOWN), value);
        const { inputs, failures } = checkInputs(schema, bag(put(declared)));
        expect(failures).toEqual([]);
        // Within a part that is chosen by an unknown discriminator, nobody can tell the defaults.
        const undecided = chosen.some(({ path }) => path.at(-1) === "kind" && path.length > 1);
        if (!undecided) expect(inputs).toEqual(put(whole));
      }),
    );
  });

  test("refuse at its path whatever is replaced by something absurd", () => {
    const absurd = { absurd: true };
    fc.assert(
      fc.property(fc.constantFrom(...paths), ({ path }) => {
        const { failures } = checkInputs(schema, bag(withAt(declared, path, absurd)));
        expect(failures.length).toBeGreaterThan(0);
        for (const failure of failures) expect(failure.property.startsWith(propertyPath(path))).toBe(true);
      }),
    );
  });
});

describe("checking", () => {
  test("names every failure at once, with its path and reason", () => {
    const host = { ...bag(Reflect.get(bag(siteNamed("ams").hosts), "0")), hostKey: "rubbish", port: 99999, extra: 1 };
    const { failures } = checkInputs(siteInputs, { ...siteNamed("ams"), stp: undefined, hosts: [host], "a.b": 2 });
    expect(failures.map(({ property }) => property).sort()).toEqual(
      ['["a.b"]', "hosts[0].extra", "hosts[0].hostKey", "hosts[0].port", "stp"].sort(),
    );
    const reasonAt = (path: string) => failures.find(({ property }) => property === path)?.reason;
    expect(reasonAt("stp")).toBe("is required: string");
    expect(reasonAt("hosts[0].extra")).toBe("is not a known property");
    expect(reasonAt("hosts[0].hostKey")).toBe("must be '<type> <base64>' as in known_hosts");
  });

  test("still refuses what is known to be wrong beside an unknown", () => {
    const { failures } = checkInputs(declaredPlacement, placementAt("ams", { memoryMiB: 1, image: UNKNOWN }));
    expect(failures.map(({ property }) => property)).toEqual(["memoryMiB"]);
  });

  test("judges no window of which one end is unknown", () => {
    const half = { start: UNKNOWN, end: "2026-01-02T00:00:00Z" };
    expect(checkInputs(authTokenInputs, { ...grantDeclared, window: half }).failures).toEqual([]);
    const turned = { start: "2026-01-03T00:00:00Z", end: "2026-01-02T00:00:00Z" };
    expect(checkInputs(authTokenInputs, { ...grantDeclared, window: turned }).failures).toEqual([
      { property: "window", reason: "must start before it ends" },
    ]);
  });

  test("an unknown is refused where all must be known", () => {
    expect(() => parseKnown(declaredPlacement, "The placement", placementAt("ams", { memoryMiB: UNKNOWN }))).toThrow(
      /The placement cannot be used: memoryMiB .*input\.invalid/,
    );
  });

  test("a state that cannot be read blames nobody's program", () => {
    expect(() => parseRecorded(siteInputs, "The recorded site", {})).toThrow(
      /Install the version of .* that wrote this/,
    );
  });

  test("only inputs count as changed", () => {
    expect(changedInputs(authTokenInputs, { ...grantDeclared, state: "active" }, grantDeclared)).toEqual([]);
    expect(changedInputs(authTokenInputs, grantDeclared, { ...grantDeclared, vm: UNKNOWN })).toEqual(["vm"]);
  });
});
