import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { reasonOf, TurntableError } from "../../provider/errors.ts";

const port = z.int().min(1024).max(65535);
const agentPorts = z.strictObject({ ams: port, transit: port, san: port });

/** What a lab is to be like: the file `lab.json` beside this one, or the one that TURNTABLE_LAB_DESCRIPTION names. */
export const description = z.strictObject({
  /** Prefix of every namespace: two labs on one machine need two names. */
  name: z.string().regex(/^[a-z][a-z0-9]{0,7}$/, "must be 1 to 8 lower-case letters and digits"),
  /** Holds all that the lab writes, and is removed by `down`. Short, since unix sockets below it have 108 bytes at most. */
  directory: z
    .string()
    .regex(/^(\/[\w.-]+){2,}$/, "must be an absolute path, not directly below /")
    .refine((path) => !path.split("/").includes(".."), "must not contain '..'")
    .max(40),
  /** The Pulumi stack that `up` prepares at the repository's root; none if absent. */
  stack: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/)
    .optional(),
  /** The long way between the domains transit and san; rate and loss hold per channel and direction. */
  span: z.strictObject({
    rttMs: z.number().min(0).max(5000),
    rateMbps: z.number().positive().max(10_000),
    lossPercent: z.number().min(0).lt(100),
  }),
  /** The network that carries control and client traffic: the rate of each link, both ways. */
  routed: z.strictObject({ rateMbps: z.number().min(1).max(10_000) }),
  /** Loopback ports of this machine that lead into the lab. */
  ports: z
    .strictObject({ ams: port, san: port, gateway: port, agents: agentPorts })
    .refine(
      ({ agents, ...others }) => new Set([...Object.values(others), ...Object.values(agents)]).size === 6,
      "must all differ",
    ),
});

export type Description = z.output<typeof description>;

/** The description file in force. */
export function descriptionFile(): string {
  return process.env.TURNTABLE_LAB_DESCRIPTION ?? fileURLToPath(new URL("lab.json", import.meta.url));
}

/** Reads and checks a description. Throws input.invalid with every fault and its path. */
export function readDescription(file: string): Description {
  const parsed = description.safeParse(readJson(file));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  throw new TurntableError("input.invalid", `the lab's description ${file} is not valid: ${faults}`, {
    retry: "never",
    next: "Correct the file.",
  });
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (thrown) {
    throw new TurntableError("input.invalid", `the lab's description ${file} cannot be read: ${reasonOf(thrown)}`, {
      retry: "never",
      next: "Name a JSON file in TURNTABLE_LAB_DESCRIPTION, or unset it to use the default.",
      cause: thrown,
    });
  }
}
