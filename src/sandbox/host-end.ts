// The two ends of a veth of which one is in a sandbox and one on the host: from one to the other.
import type { Namespace } from '../kernel/netns.ts';
import { findLink } from '../kernel/rtnetlink/client.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import { namespaceId } from '../kernel/rtnetlink/namespace-id.ts';

/** Undefined when there is none, or in another namespace than the daemon's. */
export async function findHostEnd(inner: Link, namespace: Namespace): Promise<Link | undefined> {
  if (!isVeth(inner) || inner.parent === undefined || inner.parentNamespace === undefined) return undefined;
  const [end, id] = await Promise.all([findLink({ index: inner.parent }), namespaceId(namespace)]);
  if (end === undefined || id === undefined || !isVeth(end)) return undefined;
  // An index means nothing by itself: `inner.parent` may be that of a link in a third namespace.
  return end.parent === inner.index && end.parentNamespace === id ? end : undefined;
}

/** Among the links of a namespace, the other end of a veth on the host. */
export async function findInnerEnd(
  end: Link | undefined,
  links: readonly Link[],
  namespace: Namespace,
): Promise<Link | undefined> {
  if (end?.parent === undefined || end.parentNamespace === undefined || !isVeth(end)) return undefined;
  const inner = links.find((link) => link.index === end.parent && isVeth(link));
  if (inner?.parent !== end.index) return undefined;
  return end.parentNamespace === (await namespaceId(namespace)) ? inner : undefined;
}

export function isVeth({ info }: Link): boolean {
  return info.kind === 'other' && info.name === 'veth';
}
