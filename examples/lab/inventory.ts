import { z } from "zod";
import { domainRecord } from "../../provider/aaa/domain-record.ts";
import { hypervisorHostRecord } from "../../provider/host/record.ts";
import { vmSpec } from "../../provider/hypervisor/vm-spec.ts";
import { gatewayRecord } from "../../provider/tunnel/tunnel.ts";

const labSite = z.strictObject({
  name: z.string(),
  domain: domainRecord,
  stp: z.string(),
  hosts: z.array(hypervisorHostRecord).min(1),
  labels: z.record(z.string(), z.string()),
});

/** What `lab up` writes (`lab.json`, named by TURNTABLE_LAB): all that a program needs to know of the lab. Addresses of hosts and agents are forwarded loopback ports. */
export const inventory = z.strictObject({
  schema: z.literal(1),
  directory: z.string(),
  span: z.strictObject({ rttMs: z.number(), rateMbps: z.number(), lossPercent: z.number() }),
  sites: z.strictObject({ ams: labSite, san: labSite }),
  /** A domain on the way that has no site. */
  transit: domainRecord,
  gateway: gatewayRecord,
  /** Files with secrets, 0600. */
  credentials: z.strictObject({ sshKeyFile: z.string(), callerId: z.string(), callerKeyFile: z.string() }),
  /** The guest that the lab ships: its paths are the same at both sites. */
  vm: vmSpec,
  /** Tunnel parameters for the guest. */
  tunnel: z.strictObject({ vni: z.int(), gatewayAddress: z.string() }),
  /** Network namespaces, for whoever watches: sites, their domains' switches, gateway, client. */
  namespaces: z.strictObject({
    ams: z.string(),
    san: z.string(),
    amsSwitch: z.string(),
    transitSwitch: z.string(),
    sanSwitch: z.string(),
    gateway: z.string(),
    client: z.string(),
  }),
});

export type Inventory = z.output<typeof inventory>;
