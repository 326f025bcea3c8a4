import { createInterface } from "node:readline";
import { z } from "zod";
import { AaaClient } from "../../provider/aaa/client.ts";
import { domainRecord } from "../../provider/aaa/domain-record.ts";
import { DracLightpath } from "../../provider/lightpath/drac/client.ts";
import { windowIn } from "./agents.ts";
import { AMS, SAN } from "./testbed.ts";

/** First line: whom to ask and as whom. Then one operation a line, each answered by one line. */
const parameters = z.object({ domain: domainRecord, caller: z.object({ id: z.string(), key: z.string() }) });
const operation = z.union([
  z.tuple([z.literal("reserve"), z.string(), z.string(), z.string()]),
  z.tuple([z.literal("modify"), z.string(), z.string()]),
  z.tuple([z.enum(["provision", "release", "terminate"]), z.string()]),
]);

const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
const { domain, caller } = parameters.parse(JSON.parse((await lines.next()).value ?? ""));
const aaa = new AaaClient(domain, caller);
const drac = new DracLightpath(domain, caller);
const tokens = new Map<string, string>();

for (;;) {
  const { value, done } = await lines.next();
  if (done) break;
  const answer = await perform(operation.parse(JSON.parse(value))).then(
    (result) => ({ ok: true, value: result }),
    (thrown: unknown) => ({ ok: false, error: String(thrown) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await Promise.all([aaa.close(), drac.close()]);

async function perform(asked: z.output<typeof operation>): Promise<string> {
  const [verb, id] = asked;
  switch (verb) {
    case "reserve":
      return await reserve(Number(asked[1]), Number(asked[2]), Number(asked[3]));
    case "modify":
      return String((await modify(id, Number(asked[2]))).bandwidthMbps);
    case "provision":
      return (await drac.provision(id, tokens.get(id) ?? "")).state;
    case "release":
      return (await drac.release(id)).state;
    case "terminate":
      await drac.terminate(id);
      return "terminated";
    default:
      return verb satisfies never;
  }
}

async function modify(id: string, bandwidthMbps: number) {
  const end = (await drac.query(id))?.window.end ?? "";
  const scope = { bandwidthMbps, window: { start: new Date().toISOString(), end }, vm: "radar" };
  const grant = await aaa.requestGrant({ between: [AMS, SAN], ...scope });
  const { token } = await aaa.mintToken({
    ...{ from: AMS, to: SAN, ...scope },
    ...{ grant: grant.jwt, siteKey: "SHA256:0123456789" },
  });
  return await drac.modify(id, { vm: "radar", bandwidthMbps }, token);
}

async function reserve(bandwidthMbps: number, delaySeconds: number, seconds: number): Promise<string> {
  const window = windowIn(delaySeconds, seconds);
  const wish = { from: AMS, to: SAN, bandwidthMbps, window, vm: "radar" };
  const grant = await aaa.requestGrant({ between: [AMS, SAN], bandwidthMbps, window, vm: wish.vm });
  const { token } = await aaa.mintToken({ ...wish, grant: grant.jwt, siteKey: "SHA256:0123456789" });
  const { connectionId } = await drac.reserve({ ...wish, mtu: 9000 }, token);
  tokens.set(connectionId, token);
  return connectionId;
}
