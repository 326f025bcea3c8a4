/**
 * Earlier states of the code, by their digests, whose plays count along with the present one's: what was changed since then
 * changes nothing about how a VM gets from one site to another, or back, or what is left of it. Whoever adds one has read all
 * of the change and says what it is; a state before a change of the protocol is not added but played again.
 */
export const LINEAGE: readonly { readonly digest: string; readonly changed: string }[] = [
  {
    digest: "dc4d334dffa88007",
    changed:
      "a path that is refused is asked for again while other VMs' moves that broke off are being cleared up; a preview asks " +
      "for dirty rates; a budget below what the path's length costs is refused before it is lit; a tunnel's end at a site has " +
      "a filter of its own",
  },
];

/** Whether what was played with one state tells of the other. */
export const isKin = (digest: string, present: string | undefined): boolean =>
  digest === present || LINEAGE.some((one) => one.digest === digest);
