import { signAssertion } from "../../provider/aaa/assertion.ts";
import { callerOf } from "../../provider/aaa/caller.ts";
import { TOKEN_EXCHANGE } from "../../provider/aaa/oauth.ts";
import { present } from "../../provider/aaa/presentation.ts";
import { grantFor, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { makeKey } from "../domain/testbed.ts";
import { underAttack } from "./attack.ts";
import { Raw } from "./raw.ts";

// So few a second that a busy machine too can send more.
const scene = underAttack((config) => ({ ...config, pace: { caller: 20, address: 10 } }));
const { attack } = scene;
const ams = (reason: RegExp) => ({ by: "ams.example", reason }) as const;

/** Another client, from the same address as all here, gets what it asks for. */
async function othersAreServed(): Promise<void> {
  const { bob } = scene.domains.bed.clients;
  const aaa = scene.domains.aaa("ams.example", bob);
  const wish = wishFor({ vm: "other" });
  const grant = await aaa.requestGrant(grantFor(wish));
  await aaa.mintToken({ ...tokenRequestFor(wish), grant: grant.jwt });
  await aaa.revokeGrant(grant.id);
}

/** Rejects with what the last one was told. */
async function flood(times: number, once: () => Promise<unknown>): Promise<void> {
  const all = Promise.allSettled(Array.from({ length: times }, once));
  await othersAreServed();
  const last = (await all).findLast((one) => one.status === "rejected");
  await othersAreServed();
  if (last !== undefined) throw last.reason;
}

attack("a client floods the token endpoint", ams(/^alice asks too often$/), async () => {
  const aaa = scene.domains.aaa("ams.example");
  const mint = async () => await aaa.mintToken({ ...tokenRequestFor(wishFor()), grant: "nonsense" });
  await flood(80, mint);
});
/** From an address of his own, each time with these headers too. */
async function floodAsBob(address: string, more: Record<string, string>): Promise<void> {
  const raw = await Raw.from(scene.domains.bed, address);
  const mallory = await callerOf({ ...(await makeKey("mallory")), id: "bob" });
  const asked = { method: "POST", path: "/aaa/token", form: { grant_type: TOKEN_EXCHANGE, client_id: "bob" } } as const;
  const ask = async () => {
    const { headers, form } = await present(mallory, "ams.example", asked);
    const content = { "content-type": "application/x-www-form-urlencoded" };
    await raw.require({ ...asked, headers: { ...headers, ...content, ...more }, body: form?.toString() ?? "" });
  };
  try {
    await flood(150, ask);
  } finally {
    await raw.close();
  }
}
attack("a stranger floods the token endpoint in a client's name", ams(/^127.0.0.3 asks/), async () => {
  await floodAsBob("127.0.0.3", {});
});
attack("a stranger floods the token endpoint as if attested", ams(/^127.0.0.4 asks/), async () => {
  await floodAsBob("127.0.0.4", { "oauth-client-attestation": "nonsense" });
});
attack("a stranger floods a domain in a client's name", ams(/^127.0.0.2 asks/), async () => {
  const raw = await Raw.from(scene.domains.bed, "127.0.0.2");
  const mallory = await callerOf({ ...(await makeKey("mallory")), id: "bob" });
  const proof = `Bearer ${await signAssertion(mallory, "ams.example")}`;
  const ask = async () => await raw.require({ path: "/drac/connections", headers: { authorization: proof } });
  try {
    await flood(150, ask);
  } finally {
    await raw.close();
  }
});
