import { randomBytes } from "node:crypto";
import type { Host } from "../host/host.ts";
import { nextAnswer, promptly, startGatewayProgram, tunnelFailed } from "./gateway-program.ts";
import { attachSite, detachSite } from "./site-end.ts";
import type { Endpoint, StagedTurn, Tunnel, TunnelRecord } from "./tunnel.ts";

async function perform(
  gateway: Host,
  record: TunnelRecord,
  order: { do: "observe" | "dismantle" } | { do: "establish"; address: string; epoch: number },
): Promise<Endpoint | undefined> {
  const pilot = await startGatewayProgram(gateway, record, order);
  try {
    const answer = await promptly(pilot, nextAnswer(gateway, record, pilot));
    if ("done" in answer) return answer.done ?? undefined;
    throw tunnelFailed(gateway, record, "its program answered out of turn", "never");
  } finally {
    pilot.close();
    await pilot.ended;
  }
}

async function stage(gateway: Host, record: TunnelRecord, next: Endpoint): Promise<StagedTurn> {
  // Goes over ssh's standard input and to whoever shall give the trigger; never into an argument, file or log.
  const keyHex = randomBytes(32).toString("hex");
  const order = { do: "stage" as const, address: next.address, epoch: next.epoch, key: keyHex };
  const pilot = await startGatewayProgram(gateway, record, order);
  const cancel = async () => {
    pilot.close();
    await pilot.ended;
  };
  try {
    const answer = await promptly(pilot, nextAnswer(gateway, record, pilot));
    if (!("ready" in answer)) throw tunnelFailed(gateway, record, "its program answered out of turn", "never");
    const turned = awaitTurn(gateway, record, nextAnswer(gateway, record, pilot));
    // Whoever gives the stage up need not listen for a turn that does not come.
    turned.catch(() => undefined);
    return { trigger: { address: record.gateway.tunnel.address, port: answer.ready, keyHex }, turned, cancel };
  } catch (thrown) {
    await cancel();
    throw thrown;
  }
}

async function awaitTurn(
  gateway: Host,
  record: TunnelRecord,
  answered: ReturnType<typeof nextAnswer>,
): Promise<{ atNs: number; tookMs: number }> {
  const answer = await answered;
  if ("turned" in answer) return { atNs: answer.turned.atNs, tookMs: answer.turned.tookMs };
  throw tunnelFailed(gateway, record, "the turn was given up before its trigger came", "safe");
}

/** VXLAN over IPv4, static forwarding on both ends, a packet filter for the far end at the gateway. */
export const vxlan: Tunnel = {
  establish: async (gateway, record, endpoint) => {
    await perform(gateway, record, { do: "establish", address: endpoint.address, epoch: endpoint.epoch });
  },
  attach: attachSite,
  detach: detachSite,
  stage,
  observe: (gateway, record) => perform(gateway, record, { do: "observe" }),
  dismantle: async (gateway, record) => {
    await perform(gateway, record, { do: "dismantle" });
  },
};
