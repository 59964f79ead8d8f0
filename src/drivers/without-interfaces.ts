// What drivers have in common whose sandboxes get no interface: there is nothing to make and nothing to say.
import type { DriverName } from '../model/network.ts';
import type { Driver, NetworkDraft } from './driver.ts';
import { normalizeOptions, type Options } from './options.ts';

export class DriverWithoutInterfaces implements Driver {
  readonly name: DriverName;
  readonly scope = 'local';
  readonly hasInterfaces = false;
  readonly hasGateway = false;

  constructor(name: DriverName) {
    this.name = name;
  }

  normalizeOptions(raw: Options): Options {
    return normalizeOptions(this.name, [], raw);
  }

  async resolve(draft: NetworkDraft): Promise<Options> {
    return draft.options;
  }

  async ensureNetwork(): Promise<void> {}

  async removeNetwork(): Promise<void> {}

  async inspectNetwork(): Promise<readonly []> {
    return [];
  }

  attachment(): undefined {}

  policy(): undefined {}

  forwards(): readonly [] {
    return [];
  }
}
