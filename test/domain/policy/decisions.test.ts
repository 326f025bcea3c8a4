import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { PolicyRequest } from "../../../provider/domain/policy/request.ts";
import { decide } from "../../../provider/domain/policy/verdict.ts";
import { AMS, SAN } from "../testbed.ts";
import { judged, requestFor, setOf } from "./requests.ts";

const ALL = "permit (principal, action, resource);";
const when = (condition: string) => `@id("only") permit (principal, action, resource) when { ${condition} };`;
const from = (start: string, end: string): Partial<PolicyRequest> => ({ window: { start, end } });
const inAmsterdam = (start: string, end: string) => ({ ...from(start, end), timeZone: "Europe/Amsterdam" });
const site = (stp: string, jurisdiction?: string) => {
  const labels: Record<string, string> = jurisdiction === undefined ? {} : { jurisdiction };
  return { stp, domain: "san.example", labels };
};
const AT_NIGHT = when("[22, 23, 0, 1, 2, 3, 4, 5].containsAll(context.hours)");
const AT_WEEKENDS = when('["saturday", "sunday"].containsAll(context.weekdays)');

/** [attribute, a policy that asks for it, what it permits, what is tried]. */
const TABLE: readonly [string, string, Partial<PolicyRequest>, Partial<PolicyRequest>][] = [
  ["subject", when('principal == Subject::"alice@ams.example"'), {}, { subject: "mallory" }],
  ["the same name at another home", when('principal == Subject::"alice@ams.example"'), {}, { home: "san.example" }],
  [
    "a name that holds a home",
    when('principal == Subject::"alice@ams.example"'),
    {},
    { subject: "alice@ams.example", home: "evil.example" },
  ],
  ["group", when('principal in Group::"operators@ams.example"'), {}, { groups: ["guests"] }],
  [
    "a group of another home's making",
    when('principal in Group::"operators@ams.example"'),
    {},
    { home: "evil.example", groups: ["operators", "operators@ams.example"] },
  ],
  ["VM", when('resource == Vm::"radar"'), {}, { vm: { name: "other", labels: {} } }],
  [
    "VM label",
    when('resource.hasTag("tier") && resource.getTag("tier") == "gold"'),
    {},
    { vm: { name: "radar", labels: { tier: "lead" } } },
  ],
  ["VM label that is absent", when('resource.hasTag("tier")'), {}, { vm: { name: "radar", labels: {} } }],
  ["from", when(`context.from == Site::"${AMS}"`), {}, { from: site(SAN) }],
  ["to", when(`context.to == Site::"${SAN}"`), {}, { to: site(AMS) }],
  [
    "a site's domain",
    when('context.to.domain == Domain::"san.example"'),
    {},
    { to: { ...site(SAN), domain: "other.example" } },
  ],
  ["a site's label", when('context.to.hasTag("city")'), { to: { ...site(SAN), labels: { city: "x" } } }, {}],
  ["jurisdiction", when('context.to.jurisdiction != "ru"'), {}, { to: site(SAN, "ru") }],
  ["jurisdiction that nobody said", when('context.to.jurisdiction == "us"'), {}, { to: site(SAN) }],
  ["bandwidth", when("context.bandwidthMbps <= 600"), {}, { bandwidthMbps: 601 }],
  ["bandwidth over by a fraction", when("context.bandwidthMbps <= 600"), {}, { bandwidthMbps: 600.001 }],
  ["bandwidth beyond all numbers", when("context.bandwidthMbps <= 600"), {}, { bandwidthMbps: Number.MAX_VALUE }],
  ["total", when("context.totalBandwidthMbps <= 1000"), { totalBandwidthMbps: 1_000 }, { totalBandwidthMbps: 1_000.5 }],
  ["total, of the request alone", when("context.totalBandwidthMbps <= 600"), {}, { bandwidthMbps: 700 }],
  [
    "duration",
    when('context.duration <= duration("30m")'),
    {},
    from("2026-11-23T20:00:00Z", "2026-11-23T20:30:00.001Z"),
  ],
  ["horizon", when('context.end <= context.now.offset(duration("7d"))'), {}, { now: "2026-11-16T20:00:00Z" }],
  ["date", when('context.start >= datetime("2026-11-01")'), {}, from("2026-10-31T23:59:59Z", "2026-11-23T20:00:00Z")],
  ["home", when('context.home == Domain::"ams.example"'), {}, { home: "san.example" }],
  ["the subject's home", when('principal.home == Domain::"ams.example"'), {}, { home: "san.example" }],
  ["encryption", when("context.encrypted"), {}, { encryption: "none" }],
  ["encryption that nobody said", when("context.encrypted"), {}, { encryption: undefined }],
  ["purpose", when('context.purpose == "maintenance"'), {}, { purpose: "fun" }],
  ["purpose that nobody said", when('context.purpose == "maintenance"'), {}, { purpose: undefined }],
  ["action", 'permit (principal, action == Action::"consent", resource);', {}, { action: "grant" }],
  ["hour", AT_NIGHT, from("2026-11-23T22:00:00Z", "2026-11-24T06:00:00Z"), {}],
  [
    "hour, too early by a second",
    AT_NIGHT,
    from("2026-11-23T22:00:00Z", "2026-11-23T23:00:00Z"),
    from("2026-11-23T21:59:59Z", "2026-11-23T23:00:00Z"),
  ],
  [
    "hour, too long by a millisecond",
    AT_NIGHT,
    from("2026-11-23T22:00:00Z", "2026-11-24T06:00:00Z"),
    from("2026-11-23T22:00:00Z", "2026-11-24T06:00:00.001Z"),
  ],
  [
    "a day between two nights",
    AT_NIGHT,
    from("2026-11-23T22:00:00Z", "2026-11-23T23:00:00Z"),
    from("2026-11-23T22:00:00Z", "2026-11-24T23:00:00Z"),
  ],
  [
    "hour in the domain's zone",
    AT_NIGHT,
    inAmsterdam("2026-11-23T21:00:00Z", "2026-11-24T05:00:00Z"),
    inAmsterdam("2026-11-23T21:00:00Z", "2026-11-24T06:00:00Z"),
  ],
  [
    "hour in the domain's summer",
    AT_NIGHT,
    inAmsterdam("2026-07-01T20:00:00Z", "2026-07-02T04:00:00Z"),
    inAmsterdam("2026-07-01T21:00:00Z", "2026-07-02T05:00:00Z"),
  ],
  [
    "time of day",
    when('context.startTime >= duration("20h") && context.endTime <= duration("20h30m")'),
    {},
    from("2026-11-23T20:00:00Z", "2026-11-23T20:30:01Z"),
  ],
  ["weekday", AT_WEEKENDS, from("2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z"), {}],
  [
    "weekday, past midnight by a millisecond",
    AT_WEEKENDS,
    from("2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z"),
    from("2026-11-28T00:00:00Z", "2026-11-30T00:00:00.001Z"),
  ],
  [
    "weekday, before midnight by a second",
    AT_WEEKENDS,
    from("2026-11-28T00:00:00Z", "2026-11-28T01:00:00Z"),
    from("2026-11-27T23:59:59Z", "2026-11-28T01:00:00Z"),
  ],
  [
    "weekday in the domain's zone",
    AT_WEEKENDS,
    inAmsterdam("2026-11-27T23:00:00Z", "2026-11-28T01:00:00Z"),
    inAmsterdam("2026-11-29T22:00:00Z", "2026-11-29T23:30:00Z"),
  ],
  [
    "the week between two weekends",
    AT_WEEKENDS,
    from("2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
    from("2026-11-28T00:00:00Z", "2026-12-06T00:00:00Z"),
  ],
];

describe("an attribute decides", () => {
  it.each(TABLE)("%s", (_, policy, good, bad) => {
    expect(judged(policy, good)).toMatchObject({ permitted: true });
    expect(judged(policy, bad)).toMatchObject({ permitted: false, policy: "default deny" });
  });
});

test("forbid wins over any permit, and says why", () => {
  const limit =
    '@id("limit") @reason("500 Mbps at most") forbid (principal, action, resource) when { context.bandwidthMbps > 500 };';
  expect(judged(`${ALL} ${limit} ${ALL.replace("permit", '@id("again") permit')}`)).toMatchObject({
    ...{ permitted: false, policy: "limit", reason: "500 Mbps at most" },
    by: [{ id: "limit", at: "all.cedar:1" }],
  });
  expect(judged(`${ALL} ${limit}`, { bandwidthMbps: 500 })).toMatchObject({
    permitted: true,
    by: [{ id: "all.cedar#1" }],
  });
});

test("what nothing permits is refused, and told what would be permitted, but not of what is for others", () => {
  const text = `
    @id("some") @reason("500 Mbps for operators") permit (principal in Group::"operators@ams.example", action, resource)
      when { context.bandwidthMbps <= 500 };
    @id("secret") @reason("not for alice to know") permit (principal == Subject::"bob@ams.example", action, resource);
    @id("silent") permit (principal, action, resource) when { context.bandwidthMbps < 1 };`;
  expect(judged(text)).toMatchObject({
    ...{ permitted: false, policy: "default deny", by: [] },
    reason: "no policy permits it; permitted is: 500 Mbps for operators [some]",
  });
  expect(judged(text, { groups: [] })).toMatchObject({ reason: "no policy permits it" });
});

test("a forbid that cannot be evaluated refuses: who brings it about gains nothing", () => {
  const text = `${ALL} @id("overflows") forbid (principal, action, resource)
    when { context.bandwidthMbps * 9223372036854775807 > 9 };`;
  expect(judged(text)).toMatchObject({
    permitted: false,
    policy: "overflows",
    reason: expect.stringMatching(/overflow/),
  });
});

test("whatever is asked, nothing is permitted that no policy permits", () => {
  const word = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom("alice", "operators", "ams.example", "tls", "eu"));
  const labels = fc.dictionary(word, fc.string(), { maxKeys: 4 });
  const place = fc.record({ stp: word, domain: word, labels });
  const mbps = fc.double({ min: 1e-9, noNaN: true, noDefaultInfinity: true });
  const moment = fc.date({ min: new Date(0), max: new Date("2200-01-01T00:00:00Z"), noInvalidDate: true });
  const request: fc.Arbitrary<PolicyRequest> = fc
    .record({
      ...{ action: fc.constantFrom("grant" as const, "consent" as const), subject: word, home: word },
      ...{ groups: fc.array(word, { maxLength: 4 }), vm: fc.record({ name: word, labels }), from: place, to: place },
      ...{
        bandwidthMbps: mbps,
        totalBandwidthMbps: mbps,
        start: moment,
        lastsMs: fc.integer({ min: 1, max: 10 ** 11 }),
      },
      timeZone: fc.constantFrom("UTC", "Europe/Amsterdam", "Pacific/Apia", "Australia/Lord_Howe"),
      ...{
        now: moment.map((date) => date.toISOString()),
        encryption: fc.constantFrom("tls" as const, "none" as const),
      },
      purpose: fc.option(word, { nil: undefined }),
    })
    .map(({ start, lastsMs, ...rest }) => {
      return {
        ...rest,
        window: { start: start.toISOString(), end: new Date(start.getTime() + lastsMs).toISOString() },
      };
    });
  const only = setOf(`
    permit (principal == Subject::"nobody@nowhere", action, resource);
    permit (principal, action, resource) when { context.bandwidthMbps < 0 };
    forbid (principal, action, resource) when { context.encrypted };`);
  const all = setOf(ALL);
  fc.assert(
    fc.property(request, (one) => {
      fc.pre(`${one.subject}@${one.home}` !== "nobody@nowhere");
      expect(decide(only, one).permitted).toBe(false);
      // And each is a request that policies can judge.
      expect(decide(all, one).permitted).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect(decide(all, requestFor()).permitted).toBe(true);
});
