import { IDLE, IMAGE_PROCESSING, type Load } from "../../../examples/lab/probe/guest-control.ts";

/** Far and near: the paper's ocean (175 ms there), and a machine room. */
export const ROUND_TRIPS_MS = [198, 1] as const;

/** Between a far controller and each of those it talks to. */
const FAR_CONTROLLER_RTT_MS = 100;

export const LOADS = { idle: IDLE, loaded: IMAGE_PROCESSING } satisfies Record<string, Load>;
export type LoadName = keyof typeof LOADS;
export type Encryption = "tls" | "none";

interface Conditions {
  /** What rows are called, and what `--only` looks at. */
  readonly id: string;
  readonly rttMs: number;
}

/** By a `pulumi up`: while it runs, or suspended for the copy of its memory. */
export type MoveVariant = Conditions & {
  readonly kind: "move" | "suspended";
  readonly load: LoadName;
  readonly encryption: Encryption;
  /** Where the controller is not beside the hosts: the round trip to each. */
  readonly controllerRttMs?: number;
};

/** One way to move a VM, and the conditions under which it is moved. */
export type Variant =
  | MoveVariant
  | (Conditions &
      /** Plain `virsh migrate` with storage, on the same path. */
      (
        | { readonly kind: "virsh"; readonly load: LoadName }
        /** A VM large enough for its copy to reach a steady rate, beside one TCP stream on the same path. */
        | { readonly kind: "copy"; readonly encryption: Encryption }
      ));

const ENCRYPTIONS = ["tls", "none"] as const;
const LOAD_NAMES = ["idle", "loaded"] as const;

/** As an idle VM under TLS, which it is compared with. */
const FAR_CONTROLLER: Variant = {
  ...{ kind: "move", id: `${ROUND_TRIPS_MS[0]} ms idle far`, rttMs: ROUND_TRIPS_MS[0] },
  ...{ load: "idle", encryption: "tls", controllerRttMs: FAR_CONTROLLER_RTT_MS },
};

/** All variants at one round trip, in the order in which a round goes through them. */
export function variantsAt(rttMs: number): readonly Variant[] {
  const at = `${rttMs} ms`;
  return [
    ...LOAD_NAMES.flatMap((load) => [
      ...ENCRYPTIONS.map((encryption): Variant => {
        return { kind: "move", id: `${at} ${load} ${encryption}`, rttMs, load, encryption };
      }),
      ...(rttMs === ROUND_TRIPS_MS[0] && load === "idle" ? [FAR_CONTROLLER] : []),
      { kind: "suspended", id: `${at} ${load} suspended`, rttMs, load, encryption: "tls" } satisfies Variant,
      { kind: "virsh", id: `${at} ${load} virsh`, rttMs, load } satisfies Variant,
    ]),
    ...ENCRYPTIONS.map((encryption): Variant => ({ kind: "copy", id: `${at} copy ${encryption}`, rttMs, encryption })),
  ];
}

/** How many samples a variant is to have: a copy's rate varies little and takes long. */
export function samplesWanted({ kind }: Variant, moves: number): number {
  return kind === "copy" ? Math.ceil(moves / 3) : moves;
}
