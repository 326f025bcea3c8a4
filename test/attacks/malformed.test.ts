import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signAssertion } from "../../provider/aaa/assertion.ts";
import { callerOf } from "../../provider/aaa/caller.ts";
import { grantFor, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { takenAnywhere, tell, underAttack } from "./attack.ts";
import { Raw, type Sent } from "./raw.ts";

const REQUESTS = 10_000;
/** On their way at once. */
const BATCH = 50;

// It is what is in them that must be refused, not how many they are.
const scene = underAttack((config) => ({ ...config, pace: { caller: 100_000, address: 100_000 } }));
const { attack } = scene;
let raw: Raw;
beforeAll(async () => {
  raw = await Raw.from(scene.domains.bed);
});
afterAll(async () => await raw.close());

type Sender = "alice" | "transit.example" | "nobody";

async function headersOf(sender: Sender, more: Record<string, string>): Promise<Record<string, string>> {
  const { clients, signing } = scene.domains.bed;
  if (sender === "nobody") return more;
  const caller = await callerOf(sender === "alice" ? clients.alice : signing[sender]);
  return { authorization: `Bearer ${await signAssertion(caller, "ams.example")}`, ...more };
}

async function post(path: string, body: string, sender: Sender, more: Record<string, string> = {}) {
  const headers = await headersOf(sender, { "content-type": "application/json", ...more });
  return { method: "POST", path, body, headers } satisfies Sent;
}

const { from, to, bandwidthMbps, window } = wishFor();
const constraints = { maxDelayMs: 200, avoidDomains: ["elsewhere.example"] };
const OFFER = { from, to, bandwidthMbps, window, constraints };
const GOOD: Record<string, object> = {
  "/aaa/grants": grantFor(wishFor()),
  "/aaa/tokens": { ...tokenRequestFor(wishFor()), grant: "nonsense" },
  "/aaa/consents": { ...grantFor(wishFor()), grant: "nonsense-grant", subject: "alice", sides: [] },
  "/drac/connections": wishFor(),
  "/drac/connections/any/modify": { vm: "radar", bandwidthMbps: 1 },
  "/drac/segments": { connectionId: "nonsense-id", reservation: wishFor(), segment: {} },
  "/drac/occupancy": { ports: ["east"], window: wishFor().window },
  "/drac/offers": OFFER,
  "/drac/alternatives": { offer: OFFER, most: 3 },
  "/drac/pairs": { offer: OFFER, apart: "domains" },
  "/drac/series": { reservation: wishFor(), recurrence: { every: "daily", times: 3, timeZone: "UTC" } },
  "/nowhere": {},
};

const junk = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(1e308, -1, 0, "", null, "9".repeat(400), { $ref: "#" }, "__proto__", "x".repeat(70_000)),
);
const bodies = (good: object) =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...Object.keys(good), "more", "__proto__"), junk)
      .map(([key, value]) => JSON.stringify({ ...good, [key]: value })),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.string({ unit: "binary" }),
    fc.integer({ min: 1, max: 20_000 }).map((depth) => "[".repeat(depth)),
  );
const token = fc.oneof(fc.constant("nonsense"), fc.base64String(), fc.constant("eyJhbGciOiJub25lIn0.e30."));
/** Mostly whom it is for: what is in it is looked at last. */
const sender = (path: string): fc.Arbitrary<Sender> => {
  const asked: Sender = /consents|segments|occupancy/.test(path) ? "transit.example" : "alice";
  return fc.constantFrom<Sender>(asked, asked, asked, asked, asked, asked, asked, "alice", "transit.example", "nobody");
};
const requests = fc.constantFrom(...Object.entries(GOOD)).chain(([path, good]) =>
  fc.record({
    path: fc.constant(path),
    body: bodies(good),
    sender: sender(path),
    more: fc.record(
      {
        "turntable-token": token,
        "content-type": fc.oneof(
          { weight: 9, arbitrary: fc.constant("application/json") },
          fc.constantFrom("text/plain", "application/xml", "multipart/form-data", ""),
        ),
      },
      { requiredKeys: [] },
    ),
  }),
);

const ams = (reason: RegExp) => ({ by: "ams.example", reason }) as const;
attack("oversized: a body", ams(/Request body is too large/), async () => {
  await raw.require(await post("/aaa/tokens", "x".repeat(70_000), "alice"));
});
attack("malformed: no JSON, which is not repeated", ams(/^(?!.*s3cret).*not valid JSON/), async () => {
  await raw.require(await post("/aaa/tokens", '{"grant":"s3cret', "alice"));
});
attack("malformed: no form", ams(/Unsupported Media Type/), async () => {
  await raw.require(await post("/aaa/tokens", "a=b", "alice", { "content-type": "application/xml" }));
});
attack("malformed: a field without a value", ams(/body\/vm/), async () => {
  const empty = JSON.stringify({ ...GOOD["/aaa/grants"], vm: "" });
  await raw.require(await post("/aaa/grants", empty, "alice"));
});
attack("malformed: a field that nobody knows", ams(/more/), async () => {
  const extra = JSON.stringify({ ...GOOD["/aaa/grants"], more: 1 });
  await raw.require(await post("/aaa/grants", extra, "alice"));
});

// Last: so many reasons at once are accounted for by their kind alone.
test(`malformed: ${REQUESTS} random requests`, async ({ task }) => {
  const { domains } = scene;
  const before = await takenAnywhere(domains);
  const counts = new Map<number, number>();
  const batch = fc.array(requests, { minLength: BATCH, maxLength: BATCH, size: "max" });
  await fc.assert(
    fc.asyncProperty(batch, async (all) => {
      const answers = await Promise.all(
        all.map(async ({ path, body, sender, more }) => await raw.ask(await post(path, body, sender, more))),
      );
      for (const { status, refused } of answers) {
        counts.set(status, (counts.get(status) ?? 0) + 1);
        expect(status).toBeLessThan(500);
        // What is well-formed by chance may be answered.
        if (status >= 300) expect(refused?.domain).toMatch(/^(ams|transit|san)\.example$/);
      }
    }),
    { numRuns: REQUESTS / BATCH },
  );
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
  expect(await domains.drac("ams.example").list()).toEqual([]);
  expect(await takenAnywhere(domains)).toEqual(before);
  const all = [...counts].sort(([one], [other]) => one - other).map(([status, count]) => `${count} × ${status}`);
  tell(task, { by: "ams.example", reason: all.join(", ") });
}, 300_000);

test("paths that lead nowhere are told so", async () => {
  const status = async (path: string, sender: Sender) => (await raw.ask(await post(path, "{}", sender))).status;
  expect(await status("/aaa/nothing", "alice")).toBe(404);
  expect(await status("/drac/segments/%ff/commit", "transit.example")).toBe(400);
  expect(await status("/drac/connections/'%20OR%201=1/commit", "alice")).toBe(404);
});
