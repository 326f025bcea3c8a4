import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { readIfThere, writeAtomically } from "./files.ts";
import { keyFiles, sshPublicKey } from "./keys.ts";
import { type Lab, routedAddress, type ServerName } from "./layout.ts";
import type { Piece } from "./piece.ts";
import { type Daemon, inspectDaemon, startDaemon } from "./process.ts";

/** An ssh server of the lab, as the controller meets it: own host key, one authorized key, nothing but commands, files and unix sockets. */
export function sshdPiece(lab: Lab, server: ServerName): Piece {
  const daemon = async (): Promise<Daemon> => ({
    name: `sshd-${server}`,
    argv: ["/usr/sbin/sshd", "-D", "-e", "-f", configFile(lab, server)],
    namespace: lab.namespaces[server],
    inputs: JSON.stringify(await filesOf(lab, server)),
  });
  const port = lab.description.ports[server];
  return {
    name: `sshd, ${server}`,
    purpose: `reached at 127.0.0.1:${port}, through the routed network; host key pinned, controller's key only`,
    async inspect() {
      const fault = await inspectDaemon(lab, await daemon());
      if (fault !== undefined) return fault;
      return (await greets(port)) ? undefined : `no greeting at 127.0.0.1:${port}`;
    },
    async make() {
      for (const [file, content] of await filesOf(lab, server)) {
        if ((await readIfThere(file)) !== content) await writeAtomically(file, content);
      }
      await startDaemon(lab, await daemon(), () => greets(port));
    },
  };
}

function configFile(lab: Lab, server: ServerName): string {
  return lab.path("ssh", server, "sshd_config");
}

async function filesOf(lab: Lab, server: ServerName): Promise<readonly (readonly [file: string, content: string])[]> {
  const authorized = lab.path("ssh", server, "authorized_keys");
  const keys = keyFiles(lab);
  const config = {
    ListenAddress: `${routedAddress(server)}:22`,
    HostKey: keys.host(server),
    PidFile: "none",
    AllowUsers: "root",
    PermitRootLogin: "prohibit-password",
    AuthenticationMethods: "publickey",
    AuthorizedKeysFile: authorized,
    PasswordAuthentication: "no",
    KbdInteractiveAuthentication: "no",
    UsePAM: (await isRootLocked()) ? "yes" : "no",
    // The lab's folder is root's alone; the description may still put it below a folder like /tmp.
    StrictModes: "no",
    AllowStreamLocalForwarding: "yes",
    StreamLocalBindUnlink: "yes",
    // With "no", this OpenSSH refuses to forward to unix sockets too (channels.c: one permission serves both).
    AllowTcpForwarding: "local",
    AllowAgentForwarding: "no",
    X11Forwarding: "no",
    PermitUserRC: "no",
    // bash reads root's .bashrc for each command of sshd's own, whatever a developer has in it, unless it is in another shell.
    SetEnv: "SHLVL=1",
    PrintMotd: "no",
    PrintLastLog: "no",
    UseDNS: "no",
    MaxSessions: "64",
    MaxStartups: "64:30:128",
  };
  const text = Object.entries(config)
    .map(([key, value]) => `${key} ${value}\n`)
    .join("");
  return [
    [configFile(lab, server), text],
    [authorized, `${await sshPublicKey(keys.controller)} turntable-lab\n`],
  ];
}

/** Without PAM, sshd turns an account away whose password is locked ("!", as Ubuntu ships root), whatever key it shows. */
async function isRootLocked(): Promise<boolean> {
  const shadow = await readFile("/etc/shadow", "utf8").catch(() => "");
  return /^root:!/m.test(shadow);
}

/** Whether an ssh server answers at a loopback port, within 2 s. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => finish(false));
    socket.once("data", (data) => finish(data.toString("latin1").startsWith("SSH-2.0-")));
    socket.once("error", () => finish(false));
    socket.once("end", () => finish(false));
  });
}
