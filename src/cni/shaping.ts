// Rate limits, as the capability `bandwidth` and the configuration have them.
import type { RateLimit, Shaping } from '../model/interface-settings.ts';
import { CniError, cniCode } from './errors.ts';
import type { Fields } from './fields.ts';

/** One jumbo frame: less would let a large packet never through. */
const leastBurstBits = 9_018 * 8;
/** Runtimes without an opinion send the largest number of 32 bits, which at any usual rate is no limit for minutes. */
const noBurstBits = 0xffff_ffff;

/** Undefined when nothing is limited. Ingress is what comes to the sandbox. Errors: 6, 7. */
export function parseShaping(configuration: Fields, runtimeConfig: Fields): Shaping | undefined {
  const fields = runtimeConfig.object('bandwidth') ?? configuration;
  const toSandbox = parseLimit(fields, 'ingress');
  const fromSandbox = parseLimit(fields, 'egress');
  if (toSandbox === undefined && fromSandbox === undefined) return undefined;
  return {
    ...(toSandbox !== undefined && { toSandbox }),
    ...(fromSandbox !== undefined && { fromSandbox }),
  };
}

function parseLimit(fields: Fields, direction: 'ingress' | 'egress'): RateLimit | undefined {
  const bitsPerSecond = fields.integer(`${direction}Rate`) ?? 0;
  const burst = fields.integer(`${direction}Burst`, { most: Number.POSITIVE_INFINITY }) ?? 0;
  if (bitsPerSecond === 0) {
    if (burst === 0) return undefined;
    throw new CniError(
      cniCode.badConfiguration,
      `${fields.at(`${direction}Burst`)}: ${burst} has no meaning without ${direction}Rate`,
    );
  }
  if (bitsPerSecond < 8) throw fields.bad(`${direction}Rate`, '0 or at least 8 bits per second');
  const given = burst === 0 || burst >= noBurstBits ? undefined : burst;
  return { bitsPerSecond, burstBits: given ?? Math.max(Math.ceil(bitsPerSecond / 10), leastBurstBits) };
}
