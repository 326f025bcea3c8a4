import { z } from "zod";
import type { Context } from "../../context.ts";
import { type Location, location } from "../../controller/placement.ts";
import { TurntableError } from "../../errors.ts";
import type { Properties, Resource } from "../../resource.ts";
import { changedInputs, checkInputs, inputsOf, parseKnown, parseRecorded } from "../inputs.ts";
import { type Examination, examine, type HostFacts, hostFacts } from "./prerequisites.ts";

/** Inputs of a Site: where it is and how to be sure of it. No private key is among them. */
export const siteInputs = location;

const siteState = z.object({ ...siteInputs.shape, facts: z.array(hostFacts) });

function complaintsAbout(hostName: string, examination: Examination): string[] {
  switch (examination.kind) {
    case "ready":
      return [];
    case "unreachable":
      return [`${hostName}: ${examination.reason}`];
    case "lacking":
      return examination.missing.map((lack) => `${hostName}: ${lack}`);
  }
}

async function examineAll(context: Context, site: Location): Promise<Examination[]> {
  return Promise.all(site.hosts.map((host) => examine(context, host)));
}

function complaints(site: Location, examinations: readonly Examination[]): string[] {
  return site.hosts.flatMap((host, index) => {
    const examination = examinations[index];
    return examination === undefined ? [] : complaintsAbout(host.name, examination);
  });
}

function factsOf(examinations: readonly Examination[]): HostFacts[] {
  return examinations.flatMap((examination) => (examination.kind === "unreachable" ? [] : [examination.facts]));
}

async function verified(context: Context, inputs: Properties): Promise<Properties> {
  const site = parseKnown(siteInputs, "The site", inputs);
  const examinations = await examineAll(context, site);
  const lacks = complaints(site, examinations);
  if (lacks.length > 0) {
    throw new TurntableError("host.prerequisite-missing", `Site ${site.name} is not ready: ${lacks.join("; ")}`, {
      retry: "safe",
      next: "All of this has to be put right before `pulumi up` can go on.",
    });
  }
  const facts = factsOf(examinations);
  for (const { name, cpus, threads, memoryMiB, hypervisor, version } of facts) {
    context.narrator.info(
      `${site.name}: ${name} has ${cpus} cores, ${threads} threads, ${memoryMiB} MiB, ${hypervisor} ${version}`,
    );
  }
  return { ...site, facts };
}

/** A place with hosts that run VMs. Declaring it changes nothing there: it is looked at, and refused if anything is missing. */
export function siteResource(context: Context): Resource {
  return {
    check: async ({ news }) => checkInputs(siteInputs, news),
    diff: async ({ olds, news }) => {
      const changed = changedInputs(siteInputs, olds, news);
      return {
        changes: changed.length > 0,
        replaces: changed.filter((key) => key === "name"),
        deleteBeforeReplace: false,
      };
    },
    create: async ({ inputs }) => {
      const outs = await verified(context, inputs);
      return { id: parseKnown(siteInputs, "The site", inputs).name, outs };
    },
    read: async ({ id, props }) => {
      const recorded = parseRecorded(siteState, `The recorded state of site ${id}`, props);
      const { facts: known, ...site } = recorded;
      const examinations = await examineAll(context, site);
      const lacks = complaints(site, examinations);
      if (lacks.length > 0) context.narrator.warn(`Site ${site.name}: ${lacks.join("; ")}. What was recorded is kept.`);
      const found = new Map(factsOf(examinations).map((facts) => [facts.name, facts]));
      const facts = known.map((before) => found.get(before.name) ?? before);
      return { id, props: { ...site, facts }, inputs: inputsOf(siteInputs, site) };
    },
    update: async ({ news }) => ({ outs: await verified(context, news) }),
    delete: async () => undefined,
  };
}
