import type { ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";
import * as proxy from "@pulumi/policy/proxy.js";
import { z } from "zod";
import type { Properties } from "../../provider/resource.ts";
import { vmPlacementResource } from "../../provider/resources/vm-placement.ts";
import { VM_PLACEMENT_TYPE } from "../../sdk/policy/index.ts";
import { composed, placementAt } from "../resources/declarations.ts";

/** The library's own, which its types keep to themselves. */
const { unknownCheckingProxy } = z
  .object({ unknownCheckingProxy: z.custom<(props: Properties) => Properties>((given) => typeof given === "function") })
  .parse(proxy);
const { check } = vmPlacementResource(composed());

/** The inputs of a move, as they are after check. */
export async function movingTo(site: "ams" | "san", change: Properties = {}): Promise<Properties> {
  const from = site === "ams" ? "san" : "ams";
  const olds = (await check({ olds: {}, news: placementAt(from, change) })).inputs;
  return (await check({ olds, news: placementAt(site, change) })).inputs;
}

/** The inputs of a placement that does not move, as they are after check. */
export async function standingAt(site: "ams" | "san", change: Properties = {}): Promise<Properties> {
  return (await check({ olds: {}, news: placementAt(site, change) })).inputs;
}

/** What Pulumi hands to a policy; unknown properties throw when they are read, as they do there. */
export function handed(props: Properties, config: object = {}, type = VM_PLACEMENT_TYPE): ResourceValidationArgs {
  const timeouts = { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 };
  const lists = { ignoreChanges: [], aliases: [], additionalSecretOutputs: [] };
  return {
    ...{ type, name: "radar", urn: `urn:pulumi:stack::project::${type}::radar`, props: unknownCheckingProxy(props) },
    ...{ opts: { protect: false, ...lists, customTimeouts: timeouts }, stackTags: new Map() },
    getConfig: () => JSON.parse(JSON.stringify(config)),
    isType: () => false,
    asType: () => undefined,
    notApplicable: () => {
      throw new Error("not applicable");
    },
  };
}

/** Everything that a policy refuses, with its defaults filled in under the configuration, as the engine does. */
export async function refusals(policy: ResourceValidationPolicy, props: Properties, config: object = {}) {
  const defaults = Object.entries(policy.configSchema?.properties ?? {})
    .map(([key, schema]) => [key, schema.default] as const)
    .filter(([, value]) => value !== undefined);
  const said: string[] = [];
  const args = handed(props, { ...Object.fromEntries(defaults), ...config });
  for (const validate of [policy.validateResource ?? []].flat()) await validate(args, (message) => said.push(message));
  return said;
}
