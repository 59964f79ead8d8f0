// What a process with many hosts in it is told, and answers.

/** Numbers tell hosts from each other; each joins one network. */
export interface Place {
  readonly host: number;
  readonly network: string;
}

export type Order =
  /** Start and register these hosts; they stay until the process ends. */
  | { readonly what: 'register'; readonly url: string; readonly places: readonly Place[] }
  /** Make networks, one after the other. */
  | {
      readonly what: 'create';
      readonly networks: readonly { readonly name: string; readonly subnet: string }[];
    }
  /** Wait until each host knows of its network. */
  | { readonly what: 'learn' }
  /** Each host publishes that many endpoints. */
  | { readonly what: 'publish'; readonly endpoints: number }
  /** Wait until each host knows that many endpoints of others. */
  | { readonly what: 'converge'; readonly peers: number }
  /** Publish further endpoints one by one; the answer has the milliseconds until another host knew each. */
  | { readonly what: 'further'; readonly count: number };

export interface Report {
  readonly times: readonly number[];
  /** Why it was not carried out. */
  readonly error?: string;
}
