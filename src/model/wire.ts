// Bodies of requests on Fairlead's own API: text as users write it, judged by the daemon alone.

export interface PoolBody {
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly reserved?: Readonly<Record<string, string>>;
}

export interface CreateNetworkBody {
  readonly name: string;
  readonly driver?: string;
  readonly internal?: boolean;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly pools?: readonly PoolBody[];
  readonly ipamDriver?: string;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** `ports` and `exposed` are in Docker's syntax, see publish-syntax.ts. */
export interface EndpointBody {
  readonly addresses?: readonly string[];
  readonly mac?: string;
  readonly ifname?: string;
  readonly aliases?: readonly string[];
  readonly links?: readonly { readonly target: string; readonly alias: string }[];
  readonly gatewayPriority?: number;
  readonly ports?: readonly string[];
  readonly exposed?: readonly string[];
  readonly publishAll?: boolean;
  readonly options?: Readonly<Record<string, string>>;
}

export interface ConnectBody extends EndpointBody {
  readonly target: string;
}

export interface DisconnectBody {
  readonly target: string;
  readonly force?: boolean;
}

export interface SandboxBody {
  readonly name?: string;
  readonly hostname?: string;
  readonly dns?: {
    readonly servers?: readonly string[];
    readonly search?: readonly string[];
    readonly options?: readonly string[];
  };
  readonly extraHosts?: readonly { readonly name: string; readonly address: string }[];
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PublishBody {
  readonly target: string;
  readonly ports: readonly string[];
  /** The network to publish on; the one that gives the default route when absent. */
  readonly network?: string;
}

/** Each end `NAME`, `network:NAME` or `sandbox:NAME`; `to` may end in `:PORT[-END][/PROTOCOL]`. */
export interface PolicyBody {
  readonly from: string;
  readonly to: string;
}

/** See docs/launch-plan.md. */
export interface LaunchBody {
  readonly verb: 'run' | 'exec';
  readonly arguments: readonly string[];
  readonly pid: number;
  readonly directory: string;
  /** Whether stdin, stdout and stderr are terminals. */
  readonly terminal: readonly boolean[];
}

/** A command line without the program's name and the verb. */
export interface CommandBody {
  readonly verb: 'connect' | 'disconnect';
  readonly arguments: readonly string[];
}

export interface VersionView {
  readonly version: string;
  readonly apiVersion: string;
}

/** The body of every refusal. */
export interface ErrorBody {
  readonly message: string;
  readonly code: string;
}
