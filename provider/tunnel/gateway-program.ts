import { readFileSync } from "node:fs";
import { z } from "zod";
import { TurntableError } from "../errors.ts";
import type { Host, Pilot } from "../host/host.ts";
import { segmentOf } from "../host/segment.ts";
import type { TunnelRecord } from "./tunnel.ts";

const SOURCE = ["filter.py", "gateway.py", "turn.py"]
  .map((file) => readFileSync(new URL(`./${file}`, import.meta.url), "utf8"))
  .join("\n");

const PATIENCE_MS = 30_000;

/** IANA's port for VXLAN (RFC 7348). */
export const VXLAN_PORT = 4789;

const answerSchema = z.union([
  z.strictObject({ done: z.union([z.null(), z.strictObject({ address: z.ipv4(), epoch: z.int() })]) }),
  z.strictObject({ ready: z.int() }),
  z.strictObject({ turned: z.object({ atNs: z.number(), tookMs: z.number() }) }),
  z.strictObject({ refused: z.string() }),
  z.strictObject({ failed: z.string() }),
]);

/** What the gateway's program says when all is well. */
export type GatewayAnswer = Exclude<z.output<typeof answerSchema>, { refused: string } | { failed: string }>;

type Order =
  | { do: "observe" | "dismantle" }
  | { do: "establish"; address: string; epoch: number }
  | { do: "stage"; address: string; epoch: number; key: string };

/** A routed IPv4 address, checked before it becomes part of a command. Throws input.invalid. */
export function routedAddress(text: string): string {
  if (z.ipv4().safeParse(text).success) return text;
  throw new TurntableError("input.invalid", `"${text}" is not an IPv4 address, and so no end of a tunnel`, {
    retry: "never",
    next: "Correct the tunnel address of the site's host",
  });
}

/** Starts the gateway's program at `gateway`. */
export async function startGatewayProgram(gateway: Host, record: TunnelRecord, order: Order): Promise<Pilot> {
  if ("address" in order) routedAddress(order.address);
  return gateway.pilot(SOURCE, {
    ...order,
    name: record.name,
    device: segmentOf(record.vm).vxlan,
    vni: record.vni,
    port: VXLAN_PORT,
    mtu: record.mtu,
    mac: record.mac,
    local: record.gateway.tunnel.address,
    gatewayAddress: record.gatewayAddress,
    folder: `${record.gateway.storage}/tunnels`,
  });
}

/** Ends a program that does not answer in time: whoever waits for it learns that it has ended. */
export async function promptly<T>(pilot: Pilot, answer: Promise<T>): Promise<T> {
  const timer = setTimeout(() => pilot.close(), PATIENCE_MS);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}

/** An error about this tunnel at this gateway. */
export function tunnelFailed(gateway: Host, record: TunnelRecord, reason: string, retry: "safe" | "never" | "unsafe") {
  return new TurntableError("tunnel.failed", `Tunnel ${record.name} of VM ${record.vm} at ${gateway.name}: ${reason}`, {
    retry,
    next:
      retry === "never"
        ? "Run pulumi refresh to see where the tunnel leads now"
        : "Put the reason right, then run pulumi up again",
  });
}

/** The program's next answer, however long it takes. Rejects with tunnel.failed if it refuses, fails or ends without one. */
export async function nextAnswer(gateway: Host, record: TunnelRecord, pilot: Pilot): Promise<GatewayAnswer> {
  const { value, done } = await pilot.messages[Symbol.asyncIterator]().next();
  if (done === true) {
    const { code, stderr } = await pilot.ended;
    throw tunnelFailed(gateway, record, `its program ended with ${code}: ${stderr.trim().slice(-500)}`, "safe");
  }
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success) throw tunnelFailed(gateway, record, "its program answered with nonsense", "never");
  const answer = parsed.data;
  if ("refused" in answer) throw tunnelFailed(gateway, record, answer.refused, "never");
  if ("failed" in answer) throw tunnelFailed(gateway, record, answer.failed, "safe");
  return answer;
}
