import { connectSsh } from "../../provider/host/ssh.ts";
import { freePort, Sshd } from "./sshd.ts";
import { describeHost } from "./suite.ts";

const sshd = new Sshd(await freePort());

describeHost("a host by ssh", {
  start: () => sshd.start(),
  stop: () => sshd.stop(),
  open: () => connectSsh(sshd.record(), { privateKey: sshd.client.privateKey }),
  drop: async () => sshd.cut(),
});
