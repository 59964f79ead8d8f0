// Docker's API without Docker: real HTTP on a unix socket, answering with what a test says there is.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** A container as `GET /containers/{id}/json` has it, as far as it is looked at. */
export interface FakeContainer {
  readonly id: string;
  name: string;
  hostname?: string;
  running?: boolean;
  pid?: number;
  networkMode?: string;
  sandboxKey?: string;
  /** By the name of the network. */
  networks: Record<string, object>;
}

/** Answers a request in its own way; false to leave it to the fake. */
type Answer = (path: string, response: ServerResponse) => boolean;

export class FakeDockerd implements AsyncDisposable {
  /** As `GET /networks` has them. */
  networks: object[] = [];
  containers: FakeContainer[] = [];
  answer: Answer = () => false;
  /** Paths that were asked for, without queries, in order. */
  readonly asked: string[] = [];
  /** Queries of those who follow events. */
  readonly queries: URLSearchParams[] = [];
  readonly #listeners = new Set<ServerResponse>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(socketPath: string): Promise<FakeDockerd> {
    const server = createServer();
    const fake = new FakeDockerd(server);
    server.on('request', (request, response) => fake.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    return fake;
  }

  /** How many follow the events now. */
  get followers(): number {
    return this.#listeners.size;
  }

  /** How many times that path was asked for. */
  count(path: string): number {
    return this.asked.filter((one) => one === path).length;
  }

  emit(type: string, action: string, id: string, attributes: object = {}): void {
    this.write(
      `${JSON.stringify({ Type: type, Action: action, Actor: { ID: id, Attributes: attributes } })}\n`,
    );
  }

  /** Sends these bytes to all who follow the events. */
  write(text: string): void {
    for (const response of this.#listeners) response.write(text);
  }

  /** Ends every connection. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://docker');
    this.asked.push(pathname);
    if (this.answer(pathname, response)) return;
    if (pathname === '/events') {
      this.queries.push(searchParams);
      this.#listeners.add(response);
      response.on('close', () => this.#listeners.delete(response)).flushHeaders();
      return;
    }
    const found = this.#find(pathname);
    response.statusCode = found === undefined ? 404 : 200;
    response.end(JSON.stringify(found ?? { message: 'page not found' }));
  }

  #find(path: string): unknown {
    if (path === '/networks') return this.networks;
    if (path === '/containers/json') {
      return this.containers.map(({ id, name, networks }) => ({
        Id: id,
        Names: [`/${name}`],
        NetworkSettings: { Networks: networks },
      }));
    }
    const [, ref] = /^\/containers\/([^/]+)\/json$/.exec(path) ?? [];
    const container = this.containers.find(({ id, name }) => id === ref || name === ref);
    return container && inspected(container);
  }
}

function inspected(container: FakeContainer): object {
  const {
    id,
    name,
    hostname,
    running = true,
    pid = 0,
    networkMode = '',
    sandboxKey = '',
    networks,
  } = container;
  return {
    Id: id,
    Name: `/${name}`,
    State: { Running: running, Pid: pid },
    Config: { Hostname: hostname ?? id.slice(0, 12) },
    HostConfig: { NetworkMode: networkMode },
    NetworkSettings: { SandboxKey: sandboxKey, Networks: networks },
  };
}
