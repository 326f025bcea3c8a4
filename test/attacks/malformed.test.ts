import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signAssertion } from "../../provider/aaa/assertion.ts";
import { type Caller, callerOf } from "../../provider/aaa/caller.ts";
import { ACCESS_TOKEN, JWT_TOKEN, TOKEN_EXCHANGE } from "../../provider/aaa/oauth.ts";
import { present } from "../../provider/aaa/presentation.ts";
import { grantFor, wishFor } from "../domain/agents.ts";
import { takenAnywhere, tell, underAttack } from "./attack.ts";
import { Raw, type Sent } from "./raw.ts";

const REQUESTS = 10_000;
const EXCHANGES = 1_000;
/** On their way at once. */
const BATCH = 50;

// It is what is in them that must be refused, not how many they are.
const scene = underAttack((config) => ({ ...config, pace: { caller: 100_000, address: 100_000 } }));
const { attack } = scene;
let raw: Raw;
let rawOfTransit: Raw;
beforeAll(async () => {
  const { bed } = scene.domains;
  raw = await Raw.from(bed);
  rawOfTransit = await Raw.from(bed, "127.0.0.1", bed.signing["transit.example"].certificate);
});
afterAll(async () => await Promise.all([raw.close(), rawOfTransit.close()]));

type Sender = "alice" | "transit.example" | "nobody";

const asked = (sender: Sender): Raw => (sender === "transit.example" ? rawOfTransit : raw);

async function callerFor(sender: Exclude<Sender, "nobody">): Promise<Caller> {
  const { clients, signing } = scene.domains.bed;
  return await callerOf(sender === "alice" ? clients.alice : signing[sender]);
}

async function headersOf(sender: Sender, more: Record<string, string>): Promise<Record<string, string>> {
  if (sender !== "alice") return more;
  return { authorization: `Bearer ${await signAssertion(await callerFor(sender), "ams.example")}`, ...more };
}

async function post(path: string, body: string, sender: Sender, more: Record<string, string> = {}) {
  const headers = await headersOf(sender, { "content-type": "application/json", ...more });
  return { method: "POST", path, body, headers } satisfies Sent;
}

const TOKEN = "/aaa/token";

/** What a sender has for the token endpoint, with what shows who he is. */
async function exchange(form: Record<string, string>, sender: Sender): Promise<Sent> {
  const more = { "content-type": "application/x-www-form-urlencoded" };
  if (sender === "nobody") {
    return { method: "POST", path: TOKEN, body: new URLSearchParams(form).toString(), headers: more };
  }
  const presented = await present(await callerFor(sender), "ams.example", { method: "POST", path: TOKEN, form });
  const body = presented.form?.toString() ?? "";
  return { method: "POST", path: TOKEN, body, headers: { ...presented.headers, ...more } };
}

const { from, to, bandwidthMbps, window } = wishFor();
const EXCHANGE = {
  grant_type: TOKEN_EXCHANGE,
  subject_token: "nonsense",
  subject_token_type: JWT_TOKEN,
  requested_token_type: ACCESS_TOKEN,
  resource: "https://ams.example",
  authorization_details: JSON.stringify([
    { type: "lightpath", from, to, bandwidthMbps, window, vm: "radar", siteKey: "SHA256:0123456789" },
  ]),
};
const constraints = { maxDelayMs: 200, avoidDomains: ["elsewhere.example"] };
const OFFER = { from, to, bandwidthMbps, window, constraints };
const GOOD: Record<string, object> = {
  "/aaa/grants": grantFor(wishFor()),
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
  const right: Sender = /segments|occupancy/.test(path) ? "transit.example" : "alice";
  return fc.constantFrom<Sender>(right, right, right, right, right, right, right, "alice", "transit.example", "nobody");
};
const requests = fc.constantFrom(...Object.entries(GOOD)).chain(([path, good]) =>
  fc.record({
    path: fc.constant(path),
    body: bodies(good),
    sender: sender(path),
    more: fc.record(
      {
        ...(path === "/drac/connections" ? { authorization: token.map((one) => `DPoP ${one}`), dpop: token } : {}),
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
  await raw.require(await post("/aaa/grants", "x".repeat(70_000), "alice"));
});
attack("malformed: no JSON, which is not repeated", ams(/^(?!.*s3cret).*not valid JSON/), async () => {
  await raw.require(await post("/aaa/grants", '{"vm":"s3cret', "alice"));
});
attack("malformed: no form", ams(/Unsupported Media Type/), async () => {
  await raw.require(await post("/aaa/grants", "a=b", "alice", { "content-type": "application/xml" }));
});
attack("malformed: a field without a value", ams(/body\/vm/), async () => {
  const empty = JSON.stringify({ ...GOOD["/aaa/grants"], vm: "" });
  await raw.require(await post("/aaa/grants", empty, "alice"));
});
attack("malformed: a field that nobody knows", ams(/more/), async () => {
  const extra = JSON.stringify({ ...GOOD["/aaa/grants"], more: 1 });
  await raw.require(await post("/aaa/grants", extra, "alice"));
});
attack("malformed: at the token endpoint, no exchange", ams(/unsupported grant_type/), async () => {
  await raw.require(await exchange({ ...EXCHANGE, grant_type: "password" }, "alice"));
});
attack("malformed: at the token endpoint, no wish", ams(/authorization_details/), async () => {
  await raw.require(await exchange({ ...EXCHANGE, authorization_details: "[" }, "alice"));
});
attack("malformed: at the token endpoint, by a domain", ams(/not allowed for this client/), async () => {
  await rawOfTransit.require(await exchange(EXCHANGE, "transit.example"));
});

const exchanges = fc.record({
  form: fc
    .tuple(fc.constantFrom(...Object.keys(EXCHANGE), "client_id", "client_assertion", "more"), junk)
    .map(([key, value]) => ({ ...EXCHANGE, [key]: typeof value === "string" ? value : JSON.stringify(value) })),
  sender: sender(TOKEN),
});

/** Rejects unless each is refused in due form, or answered because it was well-formed by chance. */
async function requireAnswered(
  answers: readonly Promise<Awaited<ReturnType<Raw["ask"]>>>[],
  counts: Map<number, number>,
): Promise<void> {
  for (const { status, refused } of await Promise.all(answers)) {
    counts.set(status, (counts.get(status) ?? 0) + 1);
    expect(status).toBeLessThan(500);
    if (status >= 300) expect(refused?.domain).toMatch(/^(ams|transit|san)\.example$/);
  }
}

test(`malformed: ${EXCHANGES} random exchanges`, async ({ task }) => {
  const counts = new Map<number, number>();
  const batch = fc.array(exchanges, { minLength: BATCH, maxLength: BATCH, size: "max" });
  await fc.assert(
    fc.asyncProperty(batch, async (all) => {
      const answers = all.map(async ({ form, sender }) => await asked(sender).ask(await exchange(form, sender)));
      await requireAnswered(answers, counts);
    }),
    { numRuns: EXCHANGES / BATCH },
  );
  expect(counts.get(200)).toBeUndefined();
  tell(task, { by: "ams.example", reason: told(counts) });
}, 120_000);

// Last: so many reasons at once are accounted for by their kind alone.
test(`malformed: ${REQUESTS} random requests`, async ({ task }) => {
  const { domains } = scene;
  const before = await takenAnywhere(domains);
  const counts = new Map<number, number>();
  const batch = fc.array(requests, { minLength: BATCH, maxLength: BATCH, size: "max" });
  await fc.assert(
    fc.asyncProperty(batch, async (all) => {
      const answers = all.map(
        async ({ path, body, sender, more }) => await asked(sender).ask(await post(path, body, sender, more)),
      );
      await requireAnswered(answers, counts);
    }),
    { numRuns: REQUESTS / BATCH },
  );
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
  expect(await domains.drac("ams.example").list()).toEqual([]);
  expect(await takenAnywhere(domains)).toEqual(before);
  tell(task, { by: "ams.example", reason: told(counts) });
}, 300_000);

function told(counts: ReadonlyMap<number, number>): string {
  const all = [...counts].sort(([one], [other]) => one - other);
  return all.map(([status, count]) => `${count} × ${status}`).join(", ");
}

test("paths that lead nowhere are told so", async () => {
  const status = async (path: string, sender: Sender) =>
    (await asked(sender).ask(await post(path, "{}", sender))).status;
  expect(await status("/aaa/nothing", "alice")).toBe(404);
  expect(await status("/drac/segments/%ff/commit", "transit.example")).toBe(400);
  expect(await status("/drac/connections/'%20OR%201=1/release", "alice")).toBe(404);
});
