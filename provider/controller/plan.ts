import type { Context } from "../context.ts";
import { type DirtyRates, LOOK_MS } from "../hypervisor/hypervisor.ts";
import type { Offer } from "../lightpath/lightpath.ts";
import { type Answer, asked, PATIENCE_MS, told } from "./asked.ts";
import { nsiRecordOf, oscarsRecordOf } from "./authorize.ts";
import { chooseHost } from "./broker.ts";
import { downtimeLine } from "./downtime-line.ts";
import { endAt } from "./move.ts";
import { type PlacementInputs, type PlacementState, vmOf } from "./placement.ts";
import { copyMs } from "./prediction.ts";
import { lesserMbps } from "./recast.ts";
import { tunnelsAt } from "./steer.ts";

const MOVE_MINUTES = 60;

type PathOffer = Omit<Offer, "links">;

/** What a move would do, as lines for a preview. Read-only; what does not answer in time is said to be silent. */
export async function planMove(context: Context, olds: PlacementState, news: PlacementInputs): Promise<string[]> {
  const [offer, room, disks, tunnels, dirtied] = await Promise.all([
    asked(homeOf(olds, news), () => offerFor(context, olds, news)),
    asked(news.site, () => roomFor(context, news)),
    asked(`${olds.site} or ${news.site}`, () => disksToMove(context, olds, news)),
    asked(olds.site, async () =>
      (await tunnelsAt(await source(context, olds))).map(({ name, gateway }) => `${name} at ${gateway.name}`),
    ),
    asked(olds.site, () => dirtyRatesOf(context, olds, news), PATIENCE_MS + LOOK_MS.brief + LOOK_MS.long),
  ]);
  const { lightpath, memoryMiB } = news;
  const memoryBytes = memoryMiB * 2 ** 20;
  const seconds = (bytes: number) => Math.ceil(copyMs(bytes, lightpath.bandwidthMbps) / 1_000);
  const rttMs = told(
    offer,
    ({ rttMs }) => rttMs,
    () => undefined,
  );
  return [
    `${news.name}: ${olds.site} → ${news.site}, ${HOW[news.mode]}`,
    `path: ${pathLine(news, offer)}${lightpath.encryption === "none" ? "; NOT encrypted by the move" : ""}`,
    `must agree: ${told(
      offer,
      ({ hops }) => hops.join(", ") || "nobody",
      (why) => why,
    )}`,
    `host: ${told(
      room,
      (line) => line,
      (why) => why,
    )}`,
    `to move: at most ${mb(memoryBytes)} of memory, ${told(
      disks,
      ({ bytes, returns }) =>
        `${mb(bytes)} of disk${returns ? ` (written since it left ${news.site})` : ""}; about ${seconds(memoryBytes + bytes)} s`,
      (why) => `disk unknown (${why})`,
    )}`,
    `downtime: ${downtimeLine(news, rttMs, dirtied)}`,
    `re-pointed: ${told(
      tunnels,
      (names) => names.join(", ") || "no tunnel",
      (why) => why,
    )}`,
    `afterwards: ${afterwards(lightpath)}; the disks at ${olds.site} ${OLD_DISKS[news.replicas]}`,
  ];
}

function afterwards(path: PlacementInputs["lightpath"]): string {
  switch (path.kind) {
    case "on-demand":
    case "nsi":
    case "oscars":
      return "the path is given back";
    case "reserved": {
      const lesser = lesserMbps(path);
      return lesser === undefined ? "the path stays reserved, dark" : `the path goes on with ${lesser} Mbps`;
    }
    case "fixed":
      return "the fixed path stays";
  }
}

const HOW = { live: "while it runs", suspended: "suspended while its memory is copied" } as const;

const OLD_DISKS = { keep: "stay as a replica for a return", wipe: "are removed" } as const;

/** Who is asked for the path. */
function homeOf(olds: PlacementState, { lightpath }: PlacementInputs): string {
  if (lightpath.kind === "nsi") return lightpath.provider;
  if (lightpath.kind === "oscars") return new URL(lightpath.url).hostname;
  const asked = lightpath.kind === "fixed" ? undefined : lightpath.home;
  return (asked ?? (olds.locations[olds.site] ?? olds.location).domain).name;
}

async function offerFor(
  context: Context,
  olds: PlacementState,
  { lightpath, location }: PlacementInputs,
): Promise<PathOffer> {
  const here = olds.locations[olds.site] ?? olds.location;
  // What is free of a shared link is known to the process that moves, which this is not.
  if (lightpath.kind === "fixed") return { hops: [], rttMs: lightpath.rttMs, startsAt: new Date().toISOString() };
  const wish = { from: here.stp, to: location.stp, bandwidthMbps: lightpath.bandwidthMbps, minutes: MOVE_MINUTES };
  if (lightpath.kind === "nsi") return await context.lightpath(nsiRecordOf(lightpath)).offer(wish);
  if (lightpath.kind === "oscars") return await context.lightpath(oscarsRecordOf(lightpath)).offer(wish);
  const drac = context.lightpath(lightpath.home ?? here.domain);
  if (lightpath.kind === "on-demand") return await drac.offer({ ...wish, constraints: lightpath.constraints });
  const connection = await drac.query(lightpath.connectionId);
  if (!connection) throw new Error(`the reserved path ${lightpath.connectionId} is not known`);
  const hops = connection.segments.map(({ domain }) => domain);
  return { hops, rttMs: connection.rttMs, startsAt: connection.window.start };
}

function pathLine({ lightpath }: PlacementInputs, offer: Answer<PathOffer>): string {
  const rate = `${lightpath.bandwidthMbps} Mbps`;
  const most = "maxBandwidthMbps" in lightpath ? lightpath.maxBandwidthMbps : undefined;
  const may = most === undefined ? "" : `, may be raised to ${most} Mbps`;
  const from = ({ startsAt, freeMbps }: PathOffer) => {
    const wait = Date.parse(startsAt) - Date.now() > 60_000 ? `next free at ${startsAt}` : "free now";
    return freeMbps === undefined ? wait : `${freeMbps} Mbps ${wait}`;
  };
  switch (lightpath.kind) {
    case "fixed":
      return `the fixed one, ${rate}${shareOf(lightpath.link)}, round trip ${lightpath.rttMs} ms`;
    case "nsi":
      return `${rate} of ${lightpath.provider} by NSI, round trip ${lightpath.rttMs} ms as declared; ${told(
        offer,
        () => "it answers, and tells only when asked to reserve what is free",
        (why) => why,
      )}`;
    case "oscars":
      return `${rate} of OSCARS${may}, round trip ${lightpath.rttMs} ms as declared; ${told(
        offer,
        (one) => `${one.hops.join(" → ")}; ${from(one)}`,
        (why) => why,
      )}`;
    case "reserved":
      return `${rate} reserved, ${told(
        offer,
        ({ hops, rttMs }) => `${hops.join(" → ")}, round trip ${rttMs} ms`,
        (why) => why,
      )}`;
    case "on-demand":
      return `${rate} on demand${may}, ${told(
        offer,
        (one) => `${one.hops.join(" → ")}, round trip ${one.rttMs} ms; ${from(one)}`,
        (why) => why,
      )}`;
  }
}

function shareOf(link: { name: string; capacityMbps: number } | undefined): string {
  return link === undefined ? "" : ` of the ${link.capacityMbps} Mbps of ${link.name}`;
}

async function roomFor(context: Context, { location, name, memoryMiB }: PlacementInputs): Promise<string> {
  const { record, host } = await chooseHost(context, location, name);
  const survey = await context.hypervisor(record.hypervisor).survey(host, record.storage, record.accelerator);
  const short = survey.memoryAvailableMiB < memoryMiB ? ["too little memory"] : [];
  const lacks = [...survey.missing, ...short];
  const free = `${survey.memoryAvailableMiB} MiB of memory and ${survey.storageAvailableMiB} MiB of storage free`;
  return `${record.name}, ${free}, ${survey.hypervisor} ${survey.version}${lacks.length > 0 ? `; LACKS ${lacks.join(", ")}` : ""}`;
}

async function source(context: Context, olds: PlacementState) {
  const location = olds.locations[olds.site] ?? olds.location;
  const record = location.hosts.find(({ name }) => name === olds.host) ?? location.hosts[0];
  if (record) return await endAt(context, location, record, olds.name);
  throw new Error(`${olds.site} declares no host`);
}

/** What would travel of the disks: all that is in them, or what was written since the other site had them. */
async function disksToMove(context: Context, olds: PlacementState, news: PlacementInputs) {
  const [from, to] = await Promise.all([source(context, olds), chooseHost(context, news.location, news.name)]);
  const hypervisor = context.hypervisor(from.record.hypervisor);
  const [bytes, ours, there] = await Promise.all([
    hypervisor.allocatedBytes(from.place, vmOf(olds)),
    hypervisor.generationAt(from.place),
    hypervisor.generationAt(to.place),
  ]);
  const returns = ours !== undefined && ours === there;
  return { returns, bytes: returns ? bytes.sinceGeneration : bytes.all };
}

/** Of a VM that shall stand still nobody needs to know. */
async function dirtyRatesOf(context: Context, olds: PlacementState, { mode }: PlacementInputs): Promise<DirtyRates> {
  if (mode === "suspended") throw new Error("it stands still");
  const { place, record } = await source(context, olds);
  const rates = await context.hypervisor(record.hypervisor).dirtyRates(place, vmOf(olds));
  if (rates) return rates;
  throw new Error(`its hypervisor at ${olds.site} does not tell`);
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
