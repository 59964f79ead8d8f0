// firewalld in a throw-away host, with the system bus it is asked by.
import type { HostProcess } from './host-process.ts';
import type { TestHost } from './test-host.ts';
import { waitUntil } from './wait-until.ts';

const timeoutMs = 60_000;

export class HostFirewalld {
  readonly #host: TestHost;
  #process: HostProcess | undefined;

  private constructor(host: TestHost) {
    this.#host = host;
  }

  static async start(host: TestHost): Promise<HostFirewalld> {
    // It writes its log beside the machine's.
    await host.shell('mount -t tmpfs tmpfs /var/log; mkdir -p /run/dbus');
    host.spawn(['dbus-daemon', '--system', '--nofork', '--nopidfile']);
    const firewalld = new HostFirewalld(host);
    await firewalld.start();
    return firewalld;
  }

  /** Starts it again; resolves when its rules are in force. */
  async start(): Promise<void> {
    this.#process = this.#host.spawn(['firewalld', '--nofork', '--nopid']);
    const state = ['firewall-cmd', '--state'];
    await waitUntil(
      'firewalld runs',
      async () => (await this.#host.attempt(state)).stdout.trim() === 'running',
      { timeoutMs },
    );
  }

  /** Its rules go with it. */
  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM');
  }

  /** `firewall-cmd` with these arguments; must succeed. */
  run(...args: readonly string[]): Promise<string> {
    return this.#host.run(['firewall-cmd', ...args]);
  }
}
