// What makes an endpoint known to the CNI runtime that asked for it.

export interface CniAttachment {
  /** `name` of the network configuration. */
  readonly network: string;
  /** CNI_CONTAINERID. */
  readonly containerId: string;
  /** CNI_NETNS as it was given. */
  readonly netns: string;
}
