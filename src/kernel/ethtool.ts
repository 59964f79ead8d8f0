// What network interfaces of the daemon's namespace leave to their hardware, as `ethtool --offload` sets it.
import { native } from './native.ts';

/** Whether checksums of what the interface sends are left to the hardware it goes out by. Errors: those of node:fs, `ENODEV`. */
export function hasTransmitChecksum(ifname: string): Promise<boolean> {
  return native.hasTransmitChecksum(ifname);
}

/** Off: they are complete when it sends. May be repeated. Errors: those of node:fs, `ENODEV`. */
export function setTransmitChecksum(ifname: string, on: boolean): Promise<void> {
  return native.setTransmitChecksum(ifname, on);
}
