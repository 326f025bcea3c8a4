import { readFile, writeFile } from "node:fs/promises";
import { expect } from "vitest";
import { z } from "zod";
import { grantFor, wishFor } from "../domain/agents.ts";
import type { Name } from "../domain/testbed.ts";
import { underAttack } from "./attack.ts";

const scene = underAttack();
const { attack } = scene;
const config = z.looseObject({
  clients: z.array(z.looseObject({ id: z.string() })),
  peers: z.array(z.looseObject({ domain: z.string() })),
});

/** Has a running domain's configuration not name somebody until it has noticed and `act` was tried; tells what came of that. */
async function without(name: Name, who: string, act: () => Promise<unknown>): Promise<unknown> {
  const file = scene.domains.bed.configFile(name);
  const text = await readFile(file, "utf8");
  const { clients, peers, ...rest } = config.parse(JSON.parse(text));
  const others = { clients: clients.filter(({ id }) => id !== who), peers: peers.filter((one) => one.domain !== who) };
  const isKnown = async () => {
    const told = String(await act().catch((thrown: unknown) => thrown));
    return !/not known to|not signed by a domain/.test(told);
  };
  expect(await isKnown()).toBe(true);
  try {
    await writeFile(file, JSON.stringify({ ...rest, ...others }));
    await expect.poll(isKnown).toBe(false);
    return await act();
  } finally {
    await writeFile(file, text);
    await expect.poll(isKnown).toBe(true);
  }
}

attack(
  "issuer that lost trust a minute ago: a token of its",
  { by: "san.example", reason: /the token is not signed by a domain that san.example trusts/ },
  async () => {
    const wish = wishFor();
    const token = await scene.domains.tokenFor(wish);
    // Of a VM that it is not for: also while its issuer is trusted nothing comes of it.
    const reserve = async () => await scene.domains.drac("san.example").reserve({ ...wish, vm: "other" }, token);
    return await without("san.example", "ams.example", reserve);
  },
);
attack(
  "issuer that lost trust a minute ago: its wish for a consent",
  { by: "san.example", reason: /the caller is not known to san.example/ },
  async () => {
    const aaa = scene.domains.aaa("ams.example");
    const ask = async () => await aaa.revokeGrant((await aaa.requestGrant(grantFor(wishFor()))).id);
    return await without("san.example", "ams.example", ask);
  },
);
attack(
  "a client that lost trust a minute ago",
  { by: "ams.example", reason: /the caller is not known to ams.example/ },
  async () => await without("ams.example", "alice", async () => await scene.domains.drac("ams.example").list()),
);
