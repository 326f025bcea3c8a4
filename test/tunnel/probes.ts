import { createHmac } from "node:crypto";
import type { Host } from "../../provider/host/host.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { StagedTurn } from "../../provider/tunnel/tunnel.ts";
import { GATEWAY, MAC } from "./network.ts";

const DEVICE = segmentOf("guest").vxlan;

/** Whether `address` answers at least one of a few pings. */
export async function pings(from: Host, address: string): Promise<boolean> {
  const argv = ["ping", "-n", "-c", "3", "-i", "0.05", "-W", "0.5", address];
  return (await from.run(argv, { allowFailure: true })).code === 0;
}

/** ICMP echo requests that arrived at a (fake) VM so far. */
export async function echoes(vm: Host): Promise<number> {
  const { stdout } = await vm.run(["cat", "/proc/net/snmp"]);
  const [names = "", values = ""] = stdout.split("\n").filter((line) => line.startsWith("Icmp:"));
  return Number(values.split(" ")[names.split(" ").indexOf("InEchos")]);
}

/** Packets that reached the gateway's tunnel device so far. */
export async function received(gateway: Host): Promise<number> {
  const { stdout } = await gateway.run(["cat", `/sys/class/net/${DEVICE}/statistics/rx_packets`]);
  return Number(stdout);
}

/** Packets that the tunnel's filter at the gateway, or at a site, dropped so far. */
export async function dropped(end: Host): Promise<number> {
  const { stdout } = await end.run(["nft", "list", "table", "ip", DEVICE]);
  return Number(/counter packets (\d+)/.exec(stdout)?.[1]);
}

const SEND = `
import socket, sys
text, address, port, wait = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(float(wait))
s.sendto(bytes.fromhex(text), (address, int(port)))
try:
    print(s.recv(2048).decode())
except socket.timeout:
    pass
`;

async function send(from: Host, payload: Buffer, address: string, port: number, waitSeconds: number): Promise<string> {
  const argv = ["python3", "-c", SEND, payload.toString("hex"), address, `${port}`, `${waitSeconds}`];
  return (await from.run(argv)).stdout.trim();
}

/** Sends a VXLAN packet with a broadcast frame in it to the gateway, as anybody on the routed network could. */
export async function inject(from: Host, vni: number): Promise<void> {
  const header = Buffer.alloc(8);
  header.writeUInt8(0x08, 0);
  header.writeUIntBE(vni, 4, 3);
  const frame = Buffer.concat([Buffer.alloc(6, 0xff), Buffer.from(MAC.replaceAll(":", ""), "hex"), Buffer.alloc(50)]);
  await send(from, Buffer.concat([header, frame]), GATEWAY, 4789, 0.05);
}

export function order(verb: "turn" | "turned", epoch: number, keyHex: string): string {
  const text = `${verb} ${epoch}`;
  return `${text} ${createHmac("sha256", Buffer.from(keyHex, "hex")).update(text).digest("hex")}`;
}

/** Sends a datagram to a staged turn and resolves with the answer, "" if none comes in 10 s. */
export function trigger(from: Host, staged: StagedTurn, text: string): Promise<string> {
  return send(from, Buffer.from(text), staged.trigger.address, staged.trigger.port, 10);
}

/** As trigger, where no answer is expected: whether none comes in half a second. */
export async function ignored(from: Host, staged: StagedTurn, text: string): Promise<boolean> {
  return (await send(from, Buffer.from(text), staged.trigger.address, staged.trigger.port, 0.5)) === "";
}
