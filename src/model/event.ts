// An event: something that changed, as listeners hear of it.

export interface Event {
  /** Milliseconds since 1970, strictly increasing. */
  readonly time: number;
  readonly type: 'network' | 'endpoint' | 'sandbox' | 'policy' | 'dns' | 'daemon';
  readonly action: string;
  /** Id of the object; of `dns` the address of an upstream, or the id of a network. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of the object; absent when it has none. */
  readonly labels?: Readonly<Record<string, string>>;
}
