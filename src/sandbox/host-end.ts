// The other end of a veth in a sandbox, where that is on the host.
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

function isVeth({ info }: Link): boolean {
  return info.kind === 'other' && info.name === 'veth';
}
