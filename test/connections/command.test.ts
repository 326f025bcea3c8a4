import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attempt } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { type Domains, startDomains, windowIn, wishFor } from "../domain/agents.ts";
import { AMS, NAMES, SAN } from "../domain/testbed.ts";

const MAIN = join(REPOSITORY, "provider", "main.ts");

let domains: Domains;
let file: string;
let environment: NodeJS.ProcessEnv;
let standing: string;
let over: string;

beforeAll(async () => {
  domains = await startDomains();
  const { directory, clients, records } = domains.bed;
  file = join(directory, "domains.json");
  await writeFile(file, JSON.stringify(NAMES.map((name) => records[name])));
  const keyFile = join(directory, "alice.jwk");
  await writeFile(keyFile, clients.alice.key, { mode: 0o600 });
  environment = { ...process.env, TURNTABLE_CALLER_ID: "alice", TURNTABLE_CALLER_KEY_FILE: keyFile };
  const reserve = async (delaySeconds: number) => {
    const wish = wishFor({ bandwidthMbps: 300, window: windowIn(delaySeconds, 600) });
    return (await domains.drac("ams.example").reserve(wish, await domains.tokenFor(wish))).connectionId;
  };
  standing = await reserve(7_200);
  over = await reserve(3_600);
  await domains.drac("ams.example").terminate(over);
});
afterAll(async () => await domains.end());

const lightpath = (...argv: readonly string[]) =>
  attempt([process.execPath, MAIN, "lightpath", ...argv, "--domains", file], { env: environment });

test("list prints what stands, and what is over if that is wanted", async () => {
  const [head, row, ...more] = (await lightpath("list")).stdout.trimEnd().split("\n");
  expect(head).toMatch(/^CONNECTION +STATE +VM +MBPS +FROM +TO +START +END +DOMAIN$/);
  expect(row).toMatch(new RegExp(`^${standing}  reserved +radar +300 +\\S+ +\\S+ .*Z  ams.example$`));
  expect(more).toEqual([]);
  const all = (await lightpath("list", "--all", "--json")).stdout.trimEnd().split("\n");
  const found = all.map((line) => JSON.parse(line).connection);
  expect(found.map(({ connectionId, state }) => [connectionId, state]).sort()).toEqual(
    [
      [standing, "reserved"],
      [over, "terminated"],
    ].sort(),
  );
});

test("show prints the way of one, and says who does not know another", async () => {
  const { stdout } = await lightpath("show", standing);
  expect(stdout).toContain(`from         ${AMS}\nto           ${SAN}\n`);
  expect(stdout).toMatch(/way {10}ams.example: \w+, channel 0 to \w+, channel \d\nway {10}transit.example: /);
  expect(await lightpath("show", "unheard-of")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no connection unheard-of of yours is known to ams.example, transit.example, san"),
  });
});

test("watch prints what becomes of them until it is told to end", async () => {
  const watching = spawn(process.execPath, [MAIN, "lightpath", "watch", "--domains", file], {
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const heard: string[] = [];
  const wish = wishFor({ bandwidthMbps: 100 });
  const drac = domains.drac("ams.example");
  createInterface({ input: watching.stdout }).on("line", (line) => void heard.push(line));
  try {
    // What was before it listened it is not told: some more happens until it has heard of one.
    const ended: string[] = [];
    const storyOf = (id: string) =>
      heard.filter((line) => line.includes(`  ${id}  `)).map((line) => line.split("  ")[2]);
    const isTold = () => ended.some((id) => storyOf(id).join() === "held,reserved,terminated");
    const another = async () => {
      const { connectionId } = await drac.reserve(wish, await domains.tokenFor(wish));
      await drac.terminate(connectionId);
      ended.push(connectionId);
      return isTold();
    };
    await expect.poll(another, { timeout: 60_000, interval: 500 }).toBe(true);
    const line = /^20\S+Z {2}[0-9a-f-]{36} {2}(held|reserved|terminated) {2}ams\.example$/;
    expect(heard.filter((one) => !line.test(one))).toEqual([]);
  } finally {
    watching.kill("SIGINT");
  }
  expect(await once(watching, "close")).toEqual([0, null]);
});

test("a domain that does not answer is named, and nothing is listed without it", async () => {
  await domains.stop("transit.example");
  expect(await lightpath("list")).toMatchObject({
    ...{ code: 1, stdout: "" },
    stderr: expect.stringMatching(/^turntable: transit.example at \S+ could not be asked to list connections/),
  });
  await domains.start("transit.example");
});

test("without a caller it says what is missing", async () => {
  const { TURNTABLE_CALLER_ID: _, ...nobody } = environment;
  const asked = await attempt([process.execPath, MAIN, "lightpath", "list", "--domains", file], { env: nobody });
  expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining("pulumi config set turntable:callerId") });
});
