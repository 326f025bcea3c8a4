import { z } from "zod";
import { TurntableError } from "../../../errors.ts";
import type { Place } from "../../hypervisor.ts";

const FREE_PORT_PROGRAM = `
import json, socket, sys
listener = socket.socket()
listener.bind((json.loads(sys.stdin.readline())["address"], 0))
print(listener.getsockname()[1])
`;

/** A port of the host's end of the lightpath, for what cannot say which one it took: QEMU's NBD server, stunnel. */
export async function freePort(place: Place): Promise<number> {
  const pilot = await place.host.pilot(FREE_PORT_PROGRAM, { address: place.lightpathAddress });
  const ports: unknown[] = [];
  for await (const port of pilot.messages) ports.push(port);
  const { stderr } = await pilot.ended;
  if (ports.length === 1) return z.int().parse(ports[0]);
  const reason = stderr.trim().split("\n").at(-1);
  throw new TurntableError(
    "hypervisor.failed",
    `${place.host.name} cannot listen on ${place.lightpathAddress}: ${reason}`,
    { retry: "safe", next: "Is the site's lightpath address configured on its port?" },
  );
}
