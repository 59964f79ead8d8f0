// A connection to the system bus, by which services of the host are asked.
import { connect, type Socket } from 'node:net';
import { type BusCall, decodeAnswer, encodeCall, messageBytes } from './bus-message.ts';
import type { BusValue } from './bus-values.ts';

const systemBus = '/run/dbus/system_bus_socket';
/** How long a service may take: firewalld is busy for seconds with a reload of large sets. */
const defaultPatienceMs = 20_000;

export interface BusOptions {
  readonly path?: string | undefined;
  readonly patienceMs?: number | undefined;
  /** Ends the connection, and what is waited for with it. */
  readonly signal?: AbortSignal;
}

interface Waiting {
  readonly answer: (body: readonly BusValue[]) => void;
  readonly fail: (error: Error) => void;
}

/** An error a service answered with. */
export class BusError extends Error {
  /** `org.fedoraproject.FirewallD1.Exception`. */
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Somebody holds the connection and does not answer; later it may. */
export class BusSilence extends Error {}

export class Bus {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #serial = 0;
  #received: Buffer = Buffer.alloc(0);
  #authenticated = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Errors: those of connect(2), with `code`; BusSilence; Error when the bus refuses us. */
  static async open({
    path = systemBus,
    patienceMs = defaultPatienceMs,
    signal,
  }: BusOptions = {}): Promise<Bus> {
    const bus = new Bus(connect({ path, ...(signal !== undefined && { signal }) }));
    const socket = bus.#socket;
    await new Promise<void>((resolve, reject) => {
      const fail = (error?: Error) => {
        const reason = error ?? new Error('the system bus ended the connection');
        reject(reason);
        for (const waiting of bus.#waiting.values()) waiting.fail(reason);
        bus.#waiting.clear();
      };
      socket.on('error', fail).on('close', () => fail());
      socket.setTimeout(patienceMs, () =>
        socket.destroy(
          new BusSilence(`the system bus, or who is asked by it, did not answer within ${patienceMs} ms`),
        ),
      );
      socket.on('data', (bytes) => bus.#take(bytes, resolve));
      // The specification, "Authentication Protocol": who we are is told by the socket itself; a zero comes first.
      const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
      socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
    });
    const own = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus' };
    await bus.call({ ...own, interface: 'org.freedesktop.DBus', member: 'Hello' });
    return bus;
  }

  /** Errors: BusError; BusSilence; Error when the connection ends before the answer. */
  call(call: BusCall): Promise<readonly BusValue[]> {
    const serial = ++this.#serial;
    return new Promise((answer, fail) => {
      this.#waiting.set(serial, { answer, fail });
      this.#socket.write(encodeCall(serial, call));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer, begin: () => void): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    try {
      if (!this.#authenticated) this.#authenticate(begin);
      if (this.#authenticated) this.#takeMessages();
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #authenticate(begin: () => void): void {
    const end = this.#received.indexOf('\r\n');
    if (end < 0) return;
    const line = this.#received.toString('latin1', 0, end);
    if (!line.startsWith('OK ')) throw new Error(`the system bus refuses us: ${line}`);
    this.#received = this.#received.subarray(end + 2);
    this.#authenticated = true;
    this.#socket.write('BEGIN\r\n');
    begin();
  }

  #takeMessages(): void {
    for (;;) {
      const length = messageBytes(this.#received);
      if (length === undefined || this.#received.length < length) return;
      const answer = decodeAnswer(this.#received.subarray(0, length));
      this.#received = this.#received.subarray(length);
      const waiting = this.#waiting.get(answer?.replyTo ?? 0);
      if (answer === undefined || waiting === undefined) continue;
      this.#waiting.delete(answer.replyTo);
      if (answer.error === undefined) waiting.answer(answer.body);
      else waiting.fail(new BusError(answer.error, String(answer.body[0] ?? answer.error)));
    }
  }
}
