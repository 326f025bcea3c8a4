import type * as pulumi from "@pulumi/pulumi";

/** The five types of resource. */
export type ResourceType = "Site" | "AuthToken" | "Lightpath" | "VmPlacement" | "Tunnel";

/** What the package offers to Pulumi's provider process, which alone runs this `require`. */
declare const require: (door: "pulumi-turntable/provider") => {
  dispatch<Answer>(type: ResourceType, verb: string, ...args: readonly unknown[]): Promise<Answer>;
};

/**
 * A dynamic provider that Pulumi can serialize into a stack's state and that never goes stale there: it holds nothing but
 * the resource's type, and forwards every verb to the package as it is installed when the verb is run.
 */
export function shell(type: ResourceType): pulumi.dynamic.ResourceProvider {
  const forward =
    (verb: string) =>
    <Answer>(...args: readonly unknown[]) =>
      require("pulumi-turntable/provider").dispatch<Answer>(type, verb, ...args);
  return {
    configure: forward("configure"),
    check: forward("check"),
    diff: forward("diff"),
    create: forward("create"),
    read: forward("read"),
    update: forward("update"),
    delete: forward("delete"),
  };
}
