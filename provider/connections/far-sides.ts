import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type DomainRecord, domainRecord } from "../aaa/domain-record.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import { toldByStack } from "../stack.ts";

/** Whom a user's connections are asked of, and what the stack's configuration says of the user. */
export interface FarSides {
  readonly domains: readonly DomainRecord[];
  readonly setting: (key: string) => string | undefined;
}

/** A record of a domain in an input of a resource: deeper than that none is declared. */
const DEEPEST = 6;
const INSTEAD = "give the domains with --domains and the caller in the environment";

const deployment = z.looseObject({
  deployment: z.looseObject({ resources: z.array(z.looseObject({ inputs: z.unknown().optional() })).default([]) }),
});
const configuration = z.record(z.string(), z.looseObject({ value: z.string().optional() }));

/**
 * Those that the resources of a Pulumi stack name: the one that is selected for the project in `directory`. Throws
 * input.invalid if the CLI cannot tell, or if none is named.
 */
export async function farSidesInStack(directory: string): Promise<FarSides> {
  const [state, config] = await Promise.all([
    toldByStack(directory, ["stack", "export"], "the state", INSTEAD),
    toldByStack(directory, ["config", "--json", "--show-secrets"], "the configuration", INSTEAD),
  ]);
  const { resources } = deployment.parse(state).deployment;
  const found = new Map(resources.flatMap(({ inputs }) => domainsIn(inputs)).map((one) => [JSON.stringify(one), one]));
  if (found.size === 0) {
    throw new TurntableError("input.invalid", `the stack of ${directory} names no network domain`, {
      ...{ retry: "never", next: "Run it in the folder of a project that declares sites, after `pulumi up`." },
    });
  }
  const settings = configuration.parse(config);
  return { domains: [...found.values()], setting: (key) => settings[`turntable:${key}`]?.value };
}

/** Those that a file holds: one record {name, url, fingerprint}, or a list of them. Throws input.invalid. */
export async function farSidesInFile(file: string): Promise<FarSides> {
  try {
    const told: unknown = JSON.parse(await readFile(file, "utf8"));
    const domains = z
      .array(domainRecord)
      .min(1)
      .parse(Array.isArray(told) ? told : [told]);
    return { domains, setting: () => undefined };
  } catch (thrown) {
    const why = thrown instanceof z.ZodError ? z.prettifyError(thrown).replaceAll("\n", " ") : reasonOf(thrown);
    throw new TurntableError("input.invalid", `${file} does not tell of domains: ${why}`, {
      ...{ retry: "never", cause: thrown },
      next: 'Give JSON such as {"name": "ams.example", "url": "https://…", "fingerprint": "SHA256:…"}.',
    });
  }
}

function domainsIn(value: unknown, depth = 0): DomainRecord[] {
  const domain = domainRecord.safeParse(value);
  if (domain.success) return [domain.data];
  const children = z.record(z.string(), z.unknown()).or(z.array(z.unknown())).safeParse(value);
  if (!children.success || depth === DEEPEST) return [];
  return Object.values(children.data).flatMap((child) => domainsIn(child, depth + 1));
}
