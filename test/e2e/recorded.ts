import { z } from "zod";
import type { PulumiCli } from "../../examples/lab/demo/pulumi.ts";

const vm = z.looseObject({ name: z.string() });
const exported = z.object({
  deployment: z.object({ resources: z.array(z.object({ type: z.string(), outputs: z.unknown() })) }),
});

/** The outputs of each VM in the stack's state, also of an `up` that failed for another one. */
export async function recordedVms(pulumi: PulumiCli): Promise<readonly z.output<typeof vm>[]> {
  const { deployment } = exported.parse(JSON.parse(await pulumi.run("stack", "export")));
  const placements = deployment.resources.filter(({ type }) => type.endsWith("turntable:VmPlacement"));
  return placements.map(({ outputs }) => vm.parse(outputs));
}
