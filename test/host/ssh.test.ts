import { expect, test } from "vitest";
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

test("more sessions at once than sshd allows on a connection go over further connections", async () => {
  const narrow = new Sshd(await freePort(), { MaxSessions: "3" });
  await narrow.start();
  const host = await connectSsh(narrow.record(), { privateKey: narrow.client.privateKey });
  try {
    const echo = "import sys\nsys.stdin.readline()\nfor line in sys.stdin: print(line, end='', flush=True)";
    const pilots = await Promise.all(Array.from({ length: 10 }, () => host.pilot(echo, {})));
    for (const [n, pilot] of pilots.entries()) pilot.send({ n });
    const heard = pilots.map(async (pilot) => (await pilot.messages[Symbol.asyncIterator]().next()).value);
    expect(await Promise.all(heard)).toEqual(pilots.map((_, n) => ({ n })));
    expect((await host.run(["echo", "all well"])).stdout).toBe("all well\n");
    for (const pilot of pilots) pilot.close();
    expect((await Promise.all(pilots.map(({ ended }) => ended))).map(({ code }) => code)).toEqual(pilots.map(() => 0));
  } finally {
    await host.close();
    await narrow.stop();
  }
});

test("a host that allows no session at all is told, and not asked again and again", async () => {
  const closed = new Sshd(await freePort(), { MaxSessions: "0" });
  await closed.start();
  const host = await connectSsh(closed.record(), { privateKey: closed.client.privateKey });
  try {
    await expect(host.run(["true"])).rejects.toMatchObject({ code: "host.unreachable", retry: "safe" });
  } finally {
    await host.close();
    await closed.stop();
  }
});
