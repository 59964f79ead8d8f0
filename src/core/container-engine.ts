// The contract of a container engine on this host, as far as the core asks one.

export interface ContainerNamespace {
  readonly containerId: string;
  readonly name: string;
  /** Of its network namespace. */
  readonly path: string;
}

export interface ContainerEngine {
  /**
   * The namespace of a running container, by name or id. Errors: `not_found`, `conflict` (not running, or in the host's
   * namespace), `unavailable` (no engine answers).
   */
  namespaceOf(container: string): Promise<ContainerNamespace>;
}
