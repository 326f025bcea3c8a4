/** Where a copy goes: an address on the lightpath. */
export interface Remote {
  readonly address: string;
  readonly port: number;
}
