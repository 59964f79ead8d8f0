// Branded identifiers: 64 hex digits each, shown to people as the first 12.

declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

export type NetworkId = Brand<'NetworkId'>;
export type EndpointId = Brand<'EndpointId'>;
export type SandboxId = Brand<'SandboxId'>;
export type AllowanceId = Brand<'AllowanceId'>;
export type HostId = Brand<'HostId'>;

/** The form an id takes in tables and messages. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
