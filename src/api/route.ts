// What every route file is given.
import type { FastifyInstance } from 'fastify';
import type { Log } from '../base/log.ts';
import type { CniDoor } from '../cni/door.ts';
import type { Controller } from '../core/requests.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** One line for the API's own description. */
    readonly summary?: string;
    /** Media type of an answer that is not JSON. */
    readonly produces?: string;
  }
}

export interface ApiContext {
  readonly controller: Controller;
  readonly cni: Pick<CniDoor, 'answer'>;
  readonly log: Log;
  /** The daemon's version. */
  readonly version: string;
  /** Aborted when the server closes: answers without an end stop then. */
  readonly closing: AbortSignal;
}

/** Adds the routes of one resource. */
export type Routes = (app: FastifyInstance, context: ApiContext) => void;
