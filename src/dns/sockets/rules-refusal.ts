// Why a kernel would not take the rules that lead questions to us.
import { NetError } from '../../base/errors.ts';

/** What a kernel says that lacks owned tables (before Linux 5.12) or something else of our rules. */
const missing = new Set(['EOPNOTSUPP', 'EINVAL', 'ENOENT', 'EAFNOSUPPORT', 'EPROTONOSUPPORT']);

export function lacksRules(error: unknown): boolean {
  return missing.has(codeOf(error));
}

export function rulesRefusal(error: unknown, namespacePath: string): NetError {
  if (lacksRules(error)) {
    const lacking = 'nft tables that go with their owner (Linux 5.12)';
    const text = `cannot answer names in ${namespacePath}: this kernel has no ${lacking}`;
    return new NetError('not_implemented', text, { cause: error });
  }
  if (codeOf(error) !== 'EPERM') return unavailable(error, namespacePath);
  const reason = 'its nft table fairlead-names belongs to another socket, or CAP_NET_ADMIN is missing';
  return unavailable(error, namespacePath, reason);
}

export function unavailable(error: unknown, path: string, reason = (error as Error).message): NetError {
  return new NetError('unavailable', `cannot answer names in ${path}: ${reason}`, { cause: error });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
