import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { reasonOf, TurntableError } from "../../provider/errors.ts";
import { agentPiece } from "./agents.ts";
import { run } from "./command.ts";
import { directoryPiece, removeDirectory } from "./directory.ts";
import { forwardPiece } from "./forward.ts";
import { imagePiece } from "./image.ts";
import { keysPiece } from "./keys.ts";
import { CHANNELS, DOMAINS, type Lab, SERVERS } from "./layout.ts";
import { lightpathPiece } from "./lightpath.ts";
import { namespacesPiece } from "./namespaces.ts";
import { listNamespaces } from "./network.ts";
import { ensure, type Piece } from "./piece.ts";
import { policiesPiece } from "./policies.ts";
import { endProcesses, rememberedDaemons, stopDaemon } from "./process.ts";
import { inventoryPiece } from "./publish.ts";
import { routedPiece } from "./routed.ts";
import { leaveShared, refuseTakenName, sharedPiece } from "./shared.ts";
import { spanPiece } from "./span.ts";
import { sshdPiece } from "./sshd.ts";
import { removeStackConfiguration, stackObstacle, stackPiece } from "./stack.ts";

type Say = (line: string) => void;

/** Every piece, each after those it stands on. */
export function piecesOf(lab: Lab): readonly Piece[] {
  const { stack } = lab.description;
  return [
    sharedPiece(lab),
    directoryPiece(lab),
    keysPiece(lab),
    imagePiece(lab),
    namespacesPiece(lab),
    routedPiece(lab),
    lightpathPiece(lab),
    ...CHANNELS.map((channel) => spanPiece(lab, channel)),
    forwardPiece(lab),
    ...SERVERS.map((server) => sshdPiece(lab, server)),
    ...DOMAINS.flatMap((domain) => [policiesPiece(lab, domain), agentPiece(lab, domain)]),
    inventoryPiece(lab),
    ...(stack === undefined || stackObstacle(lab) !== undefined ? [] : [stackPiece(lab, stack)]),
  ];
}

/** Builds the lab, or what lacks of it; one line a piece to `say`. Rejects at the first piece that cannot be made. */
export async function bringUp(lab: Lab, say: Say): Promise<void> {
  await requirePrograms();
  const isNew = (await directoryPiece(lab).inspect()) !== undefined;
  for (const piece of piecesOf(lab)) {
    const fault = await ensure(piece);
    const deed = fault === undefined ? "kept" : "made";
    // What lacks of a new lab is everything: only a repair gives its reason.
    const reason = fault === undefined || isNew ? "" : ` (${fault})`;
    say(`${deed}  ${piece.name}: ${piece.purpose}${reason}`);
  }
  const obstacle = lab.description.stack === undefined ? undefined : stackObstacle(lab);
  if (obstacle !== undefined)
    say(`left  Pulumi stack: not prepared, because ${obstacle}; run \`up\` again when it is there`);
}

export interface PieceStatus {
  readonly piece: string;
  /** Undefined: it is as it should be. */
  readonly fault: string | undefined;
}

/** Looks at every piece and changes nothing. */
export function inspectAll(lab: Lab): Promise<readonly PieceStatus[]> {
  const look = async (piece: Piece): Promise<PieceStatus> => ({
    piece: piece.name,
    // A piece whose own keys are missing cannot even be looked for.
    fault: await piece.inspect().catch((thrown: unknown) => `not there: ${reasonOf(thrown)}`),
  });
  return Promise.all(piecesOf(lab).map(look));
}

/** Leaves nothing: processes, then namespaces with all devices, then files. What is not there is fine. */
export async function takeDown(lab: Lab, say: Say): Promise<void> {
  await refuseTakenName(lab);
  const daemons = await rememberedDaemons(lab);
  await Promise.all(daemons.map((name) => stopDaemon(lab, name)));
  const present = await listNamespaces();
  const namespaces = Object.values(lab.namespaces).filter((name) => present.has(name));
  await endProcesses(async () => (await Promise.all(namespaces.map(pidsIn))).flat());
  for (const name of namespaces) await run(["ip", "netns", "delete", name]);
  say(
    `ended    ${daemons.length} processes of the lab, ${namespaces.length} namespaces and whatever still ran in them`,
  );
  await removeDirectory(lab);
  if (lab.description.stack !== undefined) await removeStackConfiguration(lab.description.stack);
  await leaveShared(lab);
  say(`removed  ${lab.description.directory}, the stack's configuration: nothing of the lab is left`);
}

async function pidsIn(namespace: string): Promise<readonly number[]> {
  const pids = (await run(["ip", "netns", "pids", namespace])).trim().split(/\s+/).filter(Boolean).map(Number);
  return pids.filter((pid) => pid !== process.pid);
}

const PROGRAMS = ["ip", "tc", "sysctl", "umount", "python3", "openssl", "ssh-keygen", "sshd"];

/** Throws host.prerequisite-missing, naming all that is missing at once. */
async function requirePrograms(): Promise<void> {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const isThere = async (program: string): Promise<boolean> => {
    const tries = folders.map((folder) =>
      access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    );
    return (await Promise.all(tries)).includes(true);
  };
  const missing = [];
  for (const program of PROGRAMS) if (!(await isThere(program))) missing.push(program);
  const hasTap = await access("/dev/net/tun").then(
    () => true,
    () => false,
  );
  if (!hasTap) missing.push("/dev/net/tun");
  if (missing.length === 0) return;
  throw new TurntableError("host.prerequisite-missing", `the lab needs what is not there: ${missing.join(", ")}`, {
    retry: "never",
    next: "Run `npm run setup`, which installs what the lab needs.",
  });
}
