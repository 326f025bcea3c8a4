import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { writeReport } from "../../provider/report/command.ts";
import { bare, whole } from "./moves.ts";

const ARGUMENTS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const findings = z.object({
  passes: z.array(z.unknown()),
  violations: z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) })),
});

let browser: Browser;
let folder = "";
const pages: Record<"whole" | "bare", string> = { whole: "", bare: "" };
/** What a page must not do: write to the console, fail, or ask the network for anything. */
let complaints: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "turntable-report-"));
  pages.whole = await writeReport(folder, { name: "whole", input: whole });
  pages.bare = await writeReport(folder, { name: "bare", input: bare });
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS.split(" ") });
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => {
  complaints = [];
});

async function open(name: "whole" | "bare", options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_100, height: 800 }, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(pages[name]).href;
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => request.url() !== url && complaints.push(`asked for ${request.url()}`));
  await page.goto(url);
  return page;
}

const still = { reducedMotion: "reduce" } as const;
const phone = { ...still, viewport: { width: 360, height: 740 } };

describe.each(["whole", "bare"] as const)("a %s report in Chromium", (name) => {
  test.each([
    ["in light", { ...still, colorScheme: "light" }],
    ["in dark", { ...still, colorScheme: "dark" }],
    ["on a phone", { ...phone, colorScheme: "light" }],
    ["on a phone in the dark", { ...phone, colorScheme: "dark" }],
    ["while it sweeps", { reducedMotion: "no-preference" }],
  ] satisfies [string, BrowserContextOptions][])("has nothing to hide %s", async (_, options) => {
    const page = await open(name, options);
    for (const summary of await page.locator("summary").all()) await summary.click();
    // As a script of the page's it would be against the page's policy.
    await page.evaluate(`${AXE}; undefined`);
    const { violations, passes } = findings.parse(await page.evaluate("axe.run()"));
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    expect(passes.length).toBeGreaterThan(10);
    const [content, window] = z
      .tuple([z.number(), z.number()])
      .parse(await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]"));
    expect(content).toBeLessThanOrEqual(window);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

describe("the sweep", () => {
  const readout = (page: Page) => page.locator("[data-readout]");

  test("runs by itself, and can be paused, slowed down and put to any moment", async () => {
    const page = await open("whole");
    const before = await readout(page).textContent();
    await expect.poll(() => readout(page).textContent()).not.toBe(before);
    await page.getByRole("button", { name: "Pause" }).click();
    const paused = await readout(page).textContent();
    await page.waitForTimeout(300);
    expect(await readout(page).textContent()).toBe(paused);
    const slow = page.getByRole("button", { name: "Slow motion" });
    await slow.click();
    expect(await slow.getAttribute("aria-pressed")).toBe("true");
    await page.getByRole("slider", { name: "Moment" }).fill("60");
    expect(await readout(page).textContent()).toBe("60 ms: away");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("has no beam and no point while the VM is away", async () => {
    const page = await open("whole", still);
    const opacities = async (moment: string) => {
      await page.getByRole("slider").fill(moment);
      return await page.evaluate(
        "[...document.querySelectorAll('[data-beam], .point')].map((part) => part.getAttribute('opacity'))",
      );
    };
    expect(await opacities("-20")).toEqual(["1", "1", "1"]);
    expect(await opacities("60")).toEqual(["0", "0", "0"]);
    expect(await opacities("140")).toEqual(["1", "1", "1"]);
    await page.context().close();
  });

  test("is operated by keyboard alone, and every chart can be reached", async () => {
    const page = await open("whole", still);
    const reached = new Set<string>();
    const focused = "document.activeElement.getAttribute('aria-labelledby') ?? document.activeElement.tagName";
    for (let presses = 0; presses < 30; presses += 1) {
      await page.keyboard.press("Tab");
      reached.add(z.string().parse(await page.evaluate(focused)));
    }
    const charts = [
      "radar",
      "sine-wide",
      "figures-wide",
      "stages-wide",
      "switchover-wide",
      "bytes-wide",
      "convergence-wide",
    ];
    expect([...reached]).toEqual(expect.arrayContaining(charts.map((chart) => `${chart}-title`)));
    expect([...reached]).toEqual(expect.arrayContaining(["BUTTON", "INPUT", "SUMMARY"]));

    await page.locator("svg.radar").focus();
    const before = await readout(page).textContent();
    await page.keyboard.press("ArrowRight");
    expect(await readout(page).textContent()).not.toBe(before);
    await page.keyboard.press("ArrowLeft");
    expect(await readout(page).textContent()).toBe(before);
    await page.keyboard.press("Space");
    await expect.poll(() => page.getByRole("button", { name: "Pause" }).count()).toBe(1);
    await page.keyboard.press("Space");
    await expect.poll(() => page.getByRole("button", { name: "Sweep" }).count()).toBe(1);
    await page.locator("summary").first().focus();
    await page.keyboard.press("Enter");
    expect(await page.getByRole("table").count()).toBe(1);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("stands still for those who asked for less motion", async () => {
    const page = await open("whole", still);
    const before = await readout(page).textContent();
    await page.waitForTimeout(500);
    expect(await readout(page).textContent()).toBe(before);
    await page.context().close();
  });
});

test("the policy lets nothing in that is not the page's own", async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = z.object({ port: z.int() }).parse(server.address());
    const page = await open("whole", still);
    await page.evaluate(`(() => {
      const script = document.createElement("script");
      script.textContent = "document.title = 'taken'";
      const image = document.createElement("img");
      image.src = "http://127.0.0.1:${port}/x.png";
      document.body.append(script, image);
      return fetch("http://127.0.0.1:${port}/x.json").catch(() => undefined);
    })()`);
    const refused = () => complaints.filter((text) => text.includes("Content Security Policy")).length;
    await expect.poll(refused).toBeGreaterThanOrEqual(3);
    expect(asked).toBe(0);
    expect(await page.title()).toContain("away for 128 ms");
    await page.context().close();
  } finally {
    server.close();
  }
});

test("on paper, tables are open and what moves is not there", async () => {
  const page = await open("whole", still);
  const pdf = await page.pdf({ format: "A4" });
  expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  await page.emulateMedia({ media: "print" });
  expect(await page.locator("[data-controls], [data-beam]").filter({ visible: true }).count()).toBe(0);
  await page.evaluate("dispatchEvent(new Event('beforeprint'))");
  expect(await page.locator("table").filter({ visible: true }).count()).toBe(await page.locator("table").count());
  await page.context().close();
});
