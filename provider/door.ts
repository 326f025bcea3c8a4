import { z } from "zod";
import type { Context } from "./context.ts";
import { reasonOf, TurntableError } from "./errors.ts";
import { PartialFailure, type Properties, type Resource } from "./resource.ts";
import { authTokenResource } from "./resources/auth-token.ts";
import { lightpathResource } from "./resources/lightpath.ts";
import { siteResource } from "./resources/site/site.ts";
import { tunnelResource } from "./resources/tunnel.ts";
import { vmPlacementResource } from "./resources/vm-placement.ts";

const RESOURCES = {
  Site: siteResource,
  AuthToken: authTokenResource,
  Lightpath: lightpathResource,
  VmPlacement: vmPlacementResource,
  Tunnel: tunnelResource,
} as const;

const typeName = z.enum(["Site", "AuthToken", "Lightpath", "VmPlacement", "Tunnel"]);
const id = z.string();
/** Where Pulumi keeps the shell of a dynamic resource, in the same bag as its properties. */
const SHELL = "__provider";

/** The bag without the shell. */
const bag = z.record(z.string(), z.unknown()).transform((given): Properties => {
  const { [SHELL]: _, ...properties } = given;
  return properties;
});

/** JSON, as the engine wants it: a property that is undefined is a property that is absent. */
function plain<T>(answer: T): T {
  return JSON.parse(JSON.stringify(answer ?? null));
}

async function answer(resource: Resource, verb: string, args: readonly unknown[]): Promise<unknown> {
  switch (verb) {
    case "check": {
      const [olds, news] = z.tuple([bag, bag]).parse(args);
      return resource.check({ olds, news });
    }
    case "diff": {
      const [which, olds, news] = z.tuple([id, bag, bag]).parse(args);
      return resource.diff({ id: which, olds, news });
    }
    case "create": {
      const [inputs] = z.tuple([bag]).parse(args);
      return resource.create({ inputs });
    }
    case "read": {
      const [which, props] = z.tuple([id, bag]).parse(args);
      const found = await resource.read({ id: which, props });
      // To the engine, an empty id says that the resource is gone.
      return { ...found, id: found.id ?? "" };
    }
    case "update": {
      const [which, olds, news] = z.tuple([id, bag, bag]).parse(args);
      return resource.update({ id: which, olds, news });
    }
    case "delete": {
      const [which, props] = z.tuple([id, bag]).parse(args);
      return resource.delete({ id: which, props });
    }
    default:
      throw new TurntableError("input.invalid", `There is no verb ${verb}`, {
        retry: "never",
        next: "Install the same version of pulumi-turntable that the program uses.",
      });
  }
}

/** What the engine shows of an error: its one paragraph. With `id`, `properties` and `reasons` it keeps the resource. */
export class ShownError extends Error {
  override readonly name = "turntable";

  constructor(message: string) {
    super(message);
    // The engine's side prints the stack of whatever is thrown, which says nothing to the reader.
    this.stack = "";
  }
}

/** The shell among the arguments of a call: in the newest bag, which is the last. */
function shellIn(args: readonly unknown[]): Properties {
  const last = z.object({ [SHELL]: z.unknown() }).safeParse(args.at(-1));
  return last.success ? last.data : {};
}

/**
 * An error in the engine's terms: a paragraph, and, where the world was changed, what is true now. `args` are those of
 * the call that failed.
 */
export function shown(thrown: unknown, args: readonly unknown[]): ShownError {
  if (thrown instanceof PartialFailure) {
    const { id: which, reasons } = thrown;
    // Pulumi gives the shell back to what succeeds only. Without it, the resource could never be read or deleted again.
    const properties = plain({ ...thrown.properties, ...shellIn(args) });
    return Object.assign(new ShownError(thrown.message), { id: which, properties, reasons });
  }
  if (thrown instanceof TurntableError) return new ShownError(thrown.message);
  return new ShownError(
    `Something unforeseen went wrong: ${reasonOf(thrown)}. Run the command again with --debug to see where.`,
  );
}

/** Turns the engine's positional call into a request to the resource of that type, and its answer into plain JSON. */
export async function answerAt(
  context: Context,
  type: string,
  verb: string,
  args: readonly unknown[],
): Promise<unknown> {
  const known = typeName.safeParse(type);
  if (!known.success) {
    throw new TurntableError("input.invalid", `There is no resource type ${type}`, {
      retry: "never",
      next: "Install the same version of pulumi-turntable that the program uses.",
    });
  }
  return plain(await answer(RESOURCES[known.data](context), verb, args));
}
