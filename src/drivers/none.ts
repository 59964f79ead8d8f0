// The network of sandboxes that are on no network: they have loopback alone.
import { DriverWithoutInterfaces } from './without-interfaces.ts';

export class NoneDriver extends DriverWithoutInterfaces {
  constructor() {
    super('none');
  }
}
