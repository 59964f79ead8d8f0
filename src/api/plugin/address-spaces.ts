// The address spaces of our IPAM. Dockerd lets subnets of the global one overlap those of the host, so they have to differ.

export const addressSpaces = { local: 'fairlead-local', global: 'fairlead-global' } as const;

/** Whether it is our IPAM that gives the addresses. */
export function isOurs(addressSpace: string | null | undefined): boolean {
  return addressSpace === addressSpaces.local || addressSpace === addressSpaces.global;
}
