// The door of CNI runtimes: a request as the plugin passes it on, answered by what it is to print.
import { KeyedMutex } from '../base/keyed-mutex.ts';
import type { Log } from '../base/log.ts';
import type { RuntimeController } from '../core/runtime-requests.ts';
import { add } from './add.ts';
import { check } from './check.ts';
import { collectGarbage } from './collect-garbage.ts';
import { del } from './del.ts';
import { cniCode, errorDocument, toCniError } from './errors.ts';
import { isLoopback, loopback } from './loopback.ts';
import { type CniBody, type CniRequest, parseRequest, versionOfErrors } from './protocol.ts';
import { status } from './status.ts';
import { versionDocument } from './versions.ts';

export interface CniAnswer {
  /** Zero, or the number of the error that is printed. */
  readonly code: number;
  /** What the plugin prints; empty for operations that answer by succeeding. */
  readonly document: string;
}

export class CniDoor {
  readonly #core: RuntimeController;
  readonly #log: Log;
  /** By container: a DEL that comes while its ADD is under way must find what that makes, and two ADDs each other. */
  readonly #containers = new KeyedMutex();

  constructor(core: RuntimeController, log: Log) {
    this.#core = core;
    this.#log = log;
  }

  /** Never rejects: whatever goes wrong is an error the runtime understands. */
  async answer(body: CniBody): Promise<CniAnswer> {
    try {
      return { code: 0, document: await this.#inTurn(parseRequest(body)) };
    } catch (thrown) {
      const error = toCniError(thrown);
      const { CNI_COMMAND: command, CNI_CONTAINERID: container, CNI_IFNAME: ifname } = body.environment;
      const about = { command, container, ifname, trace: body.environment['TRACEPARENT'], code: error.code };
      const level = error.code === cniCode.internal ? 'error' : 'info';
      this.#log[level]({ ...about, reason: error.message, details: error.details }, 'refused a CNI request');
      return { code: error.code, document: errorDocument(error, versionOfErrors(body.configuration)) };
    }
  }

  #inTurn(request: CniRequest): Promise<string> {
    const { containerId } = request;
    const keys = { exclusive: containerId === '' ? [] : [containerId] };
    return this.#containers.run(keys, () => this.#perform(request));
  }

  async #perform(request: CniRequest): Promise<string> {
    if (request.command === 'VERSION') return versionDocument();
    if (isLoopback(request)) return loopback(this.#core, request);
    switch (request.command) {
      case 'ADD':
        return add(this.#core, request);
      case 'DEL':
        await del(this.#core, request);
        return '';
      case 'CHECK':
        await check(this.#core, request);
        return '';
      case 'GC':
        await collectGarbage(this.#core, request);
        return '';
      case 'STATUS':
        await status(this.#core, request);
        return '';
    }
  }
}
