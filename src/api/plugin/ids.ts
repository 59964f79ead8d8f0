// Ids in bodies of the plugin protocol.
import type { Schema } from '../schema.ts';

/** Of a network or endpoint, as dockerd makes them up: names and hardware addresses in the kernel follow from it. */
export const recordId: Schema = { type: 'string', pattern: '^[0-9a-f]{12,64}$' };

/** Of a pool, as we make them up. */
export const poolId: Schema = { type: 'string', minLength: 1, maxLength: 256 };
