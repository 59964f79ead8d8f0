// A client of the Container Runtime Interface: asks containerd for pods the way a kubelet does, gRPC over its socket.
// Field numbers: k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { createConnection } from 'node:net';
import {
  decodeMessage,
  encodeMessage,
  field,
  type MessageTable,
  type MessageValue,
  repeated,
} from './protobuf.ts';

export interface PodConfig {
  readonly metadata: { readonly name: string; readonly uid: string; readonly namespace: string };
  readonly hostname?: string;
  readonly logDirectory?: string;
  readonly dns?: {
    readonly servers?: readonly string[];
    readonly searches?: readonly string[];
    readonly options?: readonly string[];
  };
  /** TCP is protocol 0, UDP 1. */
  readonly portMappings?: readonly {
    readonly protocol?: number;
    readonly containerPort: number;
    readonly hostPort: number;
    readonly hostIp?: string;
  }[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PodStatus {
  readonly id: string;
  /** 0 ready, 1 not ready. */
  readonly state?: number;
  readonly network?: { readonly ip?: string; readonly additionalIps: readonly { readonly ip: string }[] };
  readonly labels: Readonly<Record<string, string>>;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

const metadata = {
  name: field(1, 'string'),
  uid: field(2, 'string'),
  namespace: field(3, 'string'),
  attempt: field(4, 'number'),
};
const dns = {
  servers: repeated(1, 'string'),
  searches: repeated(2, 'string'),
  options: repeated(3, 'string'),
};
const portMapping = {
  protocol: field(1, 'number'),
  containerPort: field(2, 'number'),
  hostPort: field(3, 'number'),
  hostIp: field(4, 'string'),
};
const podConfig = {
  metadata: field(1, metadata),
  hostname: field(2, 'string'),
  logDirectory: field(3, 'string'),
  dns: field(4, dns),
  portMappings: repeated(5, portMapping),
  labels: field(6, 'map'),
  annotations: field(7, 'map'),
  linux: field(8, {}),
};
const containerConfig = {
  metadata: field(1, { name: field(1, 'string') }),
  image: field(2, { image: field(1, 'string') }),
  command: repeated(3, 'string'),
  linux: field(15, {}),
};
const podId = { podSandboxId: field(1, 'string') };
const containerId = { containerId: field(1, 'string') };
const podStatus = {
  id: field(1, 'string'),
  state: field(3, 'number'),
  network: field(5, {
    ip: field(1, 'string'),
    additionalIps: repeated(2, { ip: field(1, 'string') }),
  }),
  labels: field(7, 'map'),
};
const condition = { type: field(1, 'string'), status: field(2, 'number'), message: field(4, 'string') };

/** Request and response of each method. */
const methods = {
  Status: [{}, { status: field(1, { conditions: repeated(1, condition) }) }],
  RunPodSandbox: [{ config: field(1, podConfig) }, podId],
  PodSandboxStatus: [podId, { status: field(1, podStatus) }],
  StopPodSandbox: [podId, {}],
  RemovePodSandbox: [podId, {}],
  CreateContainer: [
    { ...podId, config: field(2, containerConfig), sandboxConfig: field(3, podConfig) },
    containerId,
  ],
  StartContainer: [containerId, {}],
  ExecSync: [
    { ...containerId, command: repeated(2, 'string'), timeoutSeconds: field(3, 'number') },
    { stdout: field(1, 'bytes'), stderr: field(2, 'bytes'), exitCode: field(3, 'number') },
  ],
} satisfies Record<string, readonly [MessageTable, MessageTable]>;

export class CriClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Whether containerd has read a network configuration that it can use. */
  async networkIsReady(): Promise<boolean> {
    const { status } = await this.#call<{ status: { conditions: { type: string; status?: number }[] } }>(
      'Status',
    );
    return status.conditions.some(({ type, status }) => type === 'NetworkReady' && status === 1);
  }

  /** Returns the pod's id. */
  async runPod(config: PodConfig): Promise<string> {
    const request = { config: { ...config, linux: {} } };
    return (await this.#call<{ podSandboxId: string }>('RunPodSandbox', request)).podSandboxId;
  }

  async podStatus(podSandboxId: string): Promise<PodStatus> {
    return (await this.#call<{ status: PodStatus }>('PodSandboxStatus', { podSandboxId })).status;
  }

  async stopPod(podSandboxId: string): Promise<void> {
    await this.#call('StopPodSandbox', { podSandboxId });
  }

  /** Forcibly removes its containers too. */
  async removePod(podSandboxId: string): Promise<void> {
    await this.#call('RemovePodSandbox', { podSandboxId });
  }

  /** Runs a command as a container of the pod; returns the container's id. */
  async runContainer(
    pod: { readonly id: string; readonly config: PodConfig },
    name: string,
    image: string,
    command: readonly string[],
  ): Promise<string> {
    const { containerId } = await this.#call<{ containerId: string }>('CreateContainer', {
      podSandboxId: pod.id,
      config: { metadata: { name }, image: { image }, command, linux: {} },
      sandboxConfig: { ...pod.config, linux: {} },
    });
    await this.#call('StartContainer', { containerId });
    return containerId;
  }

  /** Runs a command in a container to its end, whatever its status. */
  async exec(containerId: string, ...command: readonly string[]): Promise<ExecResult> {
    const answer = await this.#call<{ stdout?: string; stderr?: string; exitCode?: number }>('ExecSync', {
      containerId,
      command,
      timeoutSeconds: 20,
    });
    return { stdout: answer.stdout ?? '', stderr: answer.stderr ?? '', status: answer.exitCode ?? 0 };
  }

  async #call<T>(method: keyof typeof methods, request: MessageValue = {}): Promise<T> {
    const [asked, answered] = methods[method];
    const body = encodeMessage(asked, request);
    return decodeMessage(answered, await this.#post(method, body)) as T;
  }

  #post(method: string, body: Buffer): Promise<Buffer> {
    const session = connect('http://localhost', {
      createConnection: () => createConnection(this.#socketPath),
    });
    return new Promise<Buffer>((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        ':method': 'POST',
        ':path': `/runtime.v1.RuntimeService/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const chunks: Buffer[] = [];
      let last: IncomingHttpHeaders = {};
      const note = (headers: IncomingHttpHeaders) => {
        last = headers;
      };
      stream.on('response', note).on('trailers', note).on('error', reject);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const reason = decodeURIComponent(String(last['grpc-message'] ?? ''));
        if (last['grpc-status'] !== '0') reject(new Error(`${method}: ${last['grpc-status']}: ${reason}`));
        else resolve(Buffer.concat(chunks).subarray(frameHeaderLength));
      });
      const head = Buffer.alloc(frameHeaderLength);
      head.writeUInt32BE(body.length, 1);
      stream.end(Buffer.concat([head, body]));
    }).finally(() => session.close());
  }
}

/** Compressed or not, then the length. */
const frameHeaderLength = 5;
