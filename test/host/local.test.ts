import { openLocal } from "../../provider/host/local.ts";
import { describeHost } from "./suite.ts";

describeHost("this machine", {
  start: async () => undefined,
  stop: async () => undefined,
  open: async () => openLocal("here"),
  drop: async (host) => {
    // Kills the runner, the parent of whatever `run` starts.
    await host.run(["sh", "-c", "kill -KILL $PPID; sleep 1"]).catch(() => undefined);
  },
});
