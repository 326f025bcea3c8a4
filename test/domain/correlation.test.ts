import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { pino } from "pino";
import { expect, it } from "vitest";
import { z } from "zod";
import { correlated } from "../../provider/correlation.ts";
import { startAgent } from "../../provider/domain/agent.ts";
import { loadConfig } from "../../provider/domain/load.ts";
import { grantFor, startDomains, wishFor } from "./agents.ts";

const line = z.looseObject({ msg: z.string(), url: z.string().optional(), move: z.string().optional() });

it("one id of a move stands in the logs of the domain asked and of those that it asks, and no secret does", async () => {
  const domains = await startDomains();
  const written: string[] = [];
  const sink = new Writable({ write: (chunk, _, done) => done(void written.push(String(chunk))) });
  await domains.stop("transit.example");
  const transit = await startAgent(await loadConfig(domains.bed.configFile("transit.example")), pino(sink));
  const move = randomUUID();
  try {
    const grant = await correlated(move, () => domains.aaa("ams.example").requestGrant(grantFor(wishFor())));
    const lines = () => written.map((text) => line.parse(JSON.parse(text)));
    // Written when the answer is gone, which may be here already.
    await expect
      .poll(() =>
        lines()
          .filter(({ url }) => url === "/aaa/token")
          .map((one) => one.move),
      )
      .toEqual([move]);
    expect(written.join("")).not.toContain(grant.jwt.slice(0, 40));
    await domains.aaa("ams.example").requestGrant(grantFor(wishFor()));
    expect(line.parse(JSON.parse(written.at(-1) ?? "")).move).toBeUndefined();
  } finally {
    await transit.close();
    await domains.end();
  }
});
