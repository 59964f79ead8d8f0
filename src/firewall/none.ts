// No firewall: nothing is translated and nothing kept apart. For hosts whose administrator sees to it.
import type { Difference } from '../model/difference.ts';
import type { Firewall } from './firewall.ts';

export class NoFirewall implements Firewall {
  readonly name = 'none';

  async apply(): Promise<void> {}

  async replace(): Promise<void> {}

  async inspect(): Promise<readonly Difference[]> {
    return [];
  }

  onForeignChange(): void {}

  async close(): Promise<void> {}
}
