import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "./host.ts";
import { shell } from "./shell.ts";
import type { VmPlacement } from "./vm-placement.ts";

/** A client gateway: the end of the tunnel on the clients' side. */
export interface GatewayArgs extends HostArgs {}

export interface TunnelArgs {
  /** Short lower-case name, unique for the VM. Default: the resource's name. */
  name?: string | undefined;
  /** The VM that clients reach. */
  vm: VmPlacement;
  gateway: pulumi.Input<GatewayArgs>;
  /** Address and prefix under which the gateway serves the VM's subnet: "10.1.1.1/24". */
  address: pulumi.Input<string>;
  /** Network identifier, 1 to 16777215, unique at the gateway. */
  vni: pulumi.Input<number>;
  /** Default "vxlan". */
  kind?: pulumi.Input<"vxlan"> | undefined;
  /** Largest packet inside the tunnel, in bytes. Default 1400. */
  mtu?: pulumi.Input<number> | undefined;
}

/** The VM's host, without what a tunnel has nothing to do with. At a site with one host it is known in a preview. */
function hostOf({ declared, host }: VmPlacement) {
  return pulumi.output(declared.location.hosts).apply((hosts) => {
    const [only, ...others] = hosts.map(({ name, address, port, user, hostKey, storage, tunnel }) => ({
      ...{ name, address, port, user, hostKey, storage, tunnel },
    }));
    if (others.length === 0) return only;
    return host.apply((chosen) => [only, ...others].find((one) => one?.name === chosen));
  });
}

/** A layer-2 tunnel from a client gateway to wherever the VM runs. Moves re-point it at the moment the VM resumes. */
export class Tunnel extends pulumi.dynamic.Resource {
  /** IPv4 address, on the routed network, of the host to which it leads. */
  declare readonly endpoint: pulumi.Output<string>;
  /** The placement's epoch that put it there. */
  declare readonly epoch: pulumi.Output<number>;

  constructor(name: string, args: TunnelArgs, opts?: pulumi.CustomResourceOptions) {
    const { vm, ...own } = args;
    const { location, network } = vm.declared;
    const where = { site: location.name, host: hostOf(vm), epoch: vm.epoch };
    const placement = { vm: vm.declared.name, vmId: vm.id, mac: network.mac, ...where };
    const props = { ...own, name: args.name ?? name, ...placement, endpoint: undefined };
    super(shell("Tunnel"), name, props, opts, "turntable", "Tunnel");
  }
}
