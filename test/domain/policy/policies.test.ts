import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPolicies, type Policies } from "../../../provider/domain/policy/policies.ts";
import { decide } from "../../../provider/domain/policy/verdict.ts";
import { requestFor, setOf } from "./requests.ts";

const ALL = '@id("all") permit (principal, action, resource);\n';
const NONE = '@id("none") @reason("closed") forbid (principal, action, resource);\n';
const FAULTY = '@id("faulty") permit (principal, action, resource)\n  when { context.bandwith > 3 };\n';

let folder: string;
let policies: Policies | undefined;
let logged: { level: number; msg: string; reason?: string }[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "tt-policies-"));
  logged = [];
});
afterEach(async () => {
  await policies?.close();
  policies = undefined;
  await rm(folder, { recursive: true, force: true });
});

const put = async (name: string, text: string) => {
  await writeFile(path.join(folder, `${name}.new`), text);
  await rename(path.join(folder, `${name}.new`), path.join(folder, name));
};
const open = async (): Promise<Policies> => {
  policies = await openPolicies(folder, pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) }));
  return policies;
};
const permitted = () => policies !== undefined && decide(policies.current, requestFor()).permitted;
const told = (pattern: RegExp) => logged.filter(({ msg }) => pattern.test(msg));

describe("a folder of policies", () => {
  it("is taken as it changes, a file more or less, and only as a whole", async () => {
    await put("all.cedar", ALL);
    await put("notes.txt", NONE);
    await open();
    expect(permitted()).toBe(true);
    await put("none.cedar", NONE);
    await expect.poll(permitted).toBe(false);
    await rm(path.join(folder, "none.cedar"));
    await expect.poll(permitted).toBe(true);
    expect(told(/changed policies are in force/)).toHaveLength(2);
  });

  it("stays in force as it was when a change is faulty, which the log tells once with file, line and reason", async () => {
    await put("all.cedar", ALL);
    await open();
    await put("more.cedar", FAULTY);
    await expect.poll(() => told(/are not taken; those before stay in force/).length).toBe(1);
    expect(logged.at(-1)?.reason).toMatch(
      /more\.cedar:2: for policy `faulty`, attribute `bandwith` .*did you mean `bandwidthMbps`/,
    );
    await put("more.cedar", NONE.replace("forbid", "forbit"));
    await expect.poll(() => told(/are not taken/).length).toBe(2);
    expect(logged.at(-1)?.reason).toMatch(/more\.cedar:1: .*forbit/);
    expect(permitted()).toBe(true);
    // To take everything away is no way to be permitted or refused anything else.
    await rm(path.join(folder, "all.cedar"));
    await rm(path.join(folder, "more.cedar"));
    await expect.poll(() => told(/are not taken/).length).toBe(3);
    expect(logged.at(-1)?.reason).toMatch(/holds no policy/);
    await rm(folder, { recursive: true });
    await expect.poll(() => told(/are not taken/).length).toBe(4);
    expect(permitted()).toBe(true);
    expect(told(/changed policies are in force/)).toEqual([]);
  });

  it("is taken again when it is right again", async () => {
    await put("all.cedar", ALL);
    await open();
    await put("more.cedar", FAULTY);
    await expect.poll(() => told(/are not taken/).length).toBe(1);
    await put("more.cedar", NONE);
    await expect.poll(permitted).toBe(false);
  });

  const BAD: readonly [string, Record<string, string>, RegExp][] = [
    ["is empty", {}, /holds no policy/],
    ["holds what is no Cedar", { "a.cedar": "\npermit (principal, action" }, /a\.cedar:2: /],
    ["asks for an attribute that is not there", { "a.cedar": FAULTY }, /a\.cedar:2: .*bandwith/],
    [
      "compares what cannot be compared",
      { "a.cedar": 'permit (principal, action, resource) when { context.encrypted == "tls" };' },
      /a\.cedar:1: .*types Bool and String/,
    ],
    [
      "asks for a label that may be absent",
      { "a.cedar": 'permit (principal, action, resource) when { resource.getTag("x") == "y" };' },
      /a\.cedar:1: .*hasTag/,
    ],
    [
      "names an action that is not there",
      { "a.cedar": 'permit (principal, action == Action::"fly", resource);' },
      /a\.cedar:1: .*fly/,
    ],
    [
      "holds a policy that can never apply",
      { "a.cedar": `${ALL}\nforbid (principal, action, resource) when { false };` },
      /a\.cedar:3: .*impossible/,
    ],
    [
      "names two policies alike",
      { "a.cedar": ALL, "b.cedar": `\n${ALL}` },
      /b\.cedar:2: the id all is that of a\.cedar:1 already/,
    ],
    [
      "holds a template",
      { "a.cedar": `${ALL}permit (principal == ?principal, action, resource);` },
      /a\.cedar:2: a template/,
    ],
  ];
  it.each(BAD)("that %s is refused at the start", async (_, files, reason) => {
    for (const [name, text] of Object.entries(files)) await put(name, text);
    await expect(open()).rejects.toMatchObject({ code: "input.invalid", message: expect.stringMatching(reason) });
  });

  it("that is faulty in many ways is told of all of them", async () => {
    await put("a.cedar", `// ünïcode before\n${FAULTY}`);
    await put("b.cedar", FAULTY.replace("bandwith", "bandwidht").replace('@id("faulty")', ""));
    await expect(open()).rejects.toThrow(/a\.cedar:3: .*bandwith.*; b\.cedar:2: .*bandwidht/);
  });
});

it("a policy that is forgotten decides nothing any more", () => {
  const set = setOf(ALL);
  expect(decide(set, requestFor()).permitted).toBe(true);
  set.forget();
  expect(decide(set, requestFor()).permitted).toBe(false);
});
