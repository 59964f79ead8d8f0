// What an asker is told of a name, and where that came from: for `net dns query`.

/** Where an answer came from. */
export type NameSource =
  /** Names of these networks, or links to sandboxes on them. */
  | { readonly kind: 'networks'; readonly networks: readonly string[] }
  /** No network of the asker has the name, and none lets questions out. */
  | { readonly kind: 'nowhere' }
  /** What an upstream said before; `stale` past its time, because none answers now. */
  | { readonly kind: 'cache' | 'stale' }
  | { readonly kind: 'upstream'; readonly address: string; readonly tookMs?: number }
  /** No upstream had an answer. */
  | { readonly kind: 'unanswered' }
  /** Such questions are answered for no name. */
  | { readonly kind: 'refused' };

export interface NameLookup {
  /** The response code by name: `NOERROR`, `NXDOMAIN`… */
  readonly status: string;
  /** The answer section as in a zone file: `web. 5 IN A 10.0.0.2`. */
  readonly records: readonly string[];
  readonly source: NameSource;
}
