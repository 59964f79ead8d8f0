// The network of sandboxes that use the host's own namespace.
import { DriverWithoutInterfaces } from './without-interfaces.ts';

export class HostDriver extends DriverWithoutInterfaces {
  constructor() {
    super('host');
  }
}
