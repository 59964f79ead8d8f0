// Waiting for a condition, bounded.
import { expect, vi } from 'vitest';

const timeoutMs = 5000;

export async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(condition()).toBe(true), { timeout: timeoutMs, interval: 2 });
}
