// An event: something that changed, as listeners hear of it.

export interface Event {
  /** Milliseconds since 1970, strictly increasing. */
  readonly time: number;
  readonly type: 'network' | 'endpoint' | 'sandbox' | 'policy' | 'daemon';
  readonly action: string;
  /** Id of the object. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of the object; absent when it has none. */
  readonly labels?: Readonly<Record<string, string>>;
}
