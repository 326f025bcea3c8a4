import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { AGENT_PORT, DOMAINS, type Lab, routedAddress, SERVERS, switchOf } from "./layout.ts";
import type { Piece } from "./piece.ts";
import { type Daemon, inspectDaemon, startDaemon } from "./process.ts";

/** The machine's only door into the lab: loopback ports that lead, from the office's namespace on, across the routed network. */
export function forwardPiece(lab: Lab): Piece {
  const { ports } = lab.description;
  const rules = [
    ...SERVERS.map((server) => `${ports[server]}=${routedAddress(server)}:22`),
    ...DOMAINS.map((domain) => `${ports.agents[domain]}=${routedAddress(switchOf(domain))}:${AGENT_PORT}`),
  ];
  const daemon: Daemon = {
    name: "forward",
    argv: ["python3", fileURLToPath(new URL("forward.py", import.meta.url)), lab.namespaces.office, ...rules],
    settlesIn: lab.namespaces.office,
    inputs: "",
  };
  return {
    name: "forwarder",
    purpose: `loopback ports ${[...SERVERS.map((server) => ports[server]), ...Object.values(ports.agents)].join(", ")} lead to the lab's ssh servers and agents`,
    inspect: () => inspectDaemon(lab, daemon),
    make: () =>
      startDaemon(
        lab,
        daemon,
        async () => (await accepts(ports.ams)) && (await inspectDaemon(lab, daemon)) === undefined,
      ),
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
  });
}
