// What each sandbox may see, and under which number replies from outside are remembered for it.
import type { SandboxId } from '../../model/ids.ts';
import type { ResolverView } from '../../model/name-entry.ts';
import type { Mirror } from './mirror.ts';
import { Numbers } from './numbers.ts';

interface KnownView {
  readonly view: ResolverView;
  /** Where its questions go; absent when nowhere. */
  readonly place: string | undefined;
}

/** Views whose questions go to the same place share what comes from there; a place that changed is another one. */
export class Views {
  readonly #mirror: Mirror;
  readonly #placeOf: (view: ResolverView) => string | undefined;
  readonly #views = new Map<SandboxId, KnownView>();
  readonly #groups = new Numbers<string>();

  /** @param placeOf text that is equal for views whose questions go to the same servers; undefined where they go nowhere. */
  constructor(mirror: Mirror, placeOf: (view: ResolverView) => string | undefined) {
    this.#mirror = mirror;
    this.#placeOf = placeOf;
  }

  get(sandboxId: SandboxId): ResolverView | undefined {
    return this.#views.get(sandboxId)?.view;
  }

  set(view: ResolverView): void {
    const before = this.#views.get(view.sandboxId);
    const place = this.#placeOf(view);
    this.#views.set(view.sandboxId, { view, place });
    this.#mirror.setView(view, place === undefined ? nowhere : this.#groups.take(place));
    if (before?.place !== undefined) this.#groups.drop(before.place);
  }

  /** Absent is fine. */
  delete(sandboxId: SandboxId): void {
    const known = this.#views.get(sandboxId);
    if (known === undefined) return;
    this.#views.delete(sandboxId);
    this.#mirror.removeView(sandboxId);
    if (known.place !== undefined) this.#groups.drop(known.place);
  }

  /** To be called when questions may go elsewhere than before, those of views it concerns. */
  refresh(concerns: (view: ResolverView) => boolean = () => true): void {
    for (const { view, place } of [...this.#views.values()]) {
      if (concerns(view) && this.#placeOf(view) !== place) this.set(view);
    }
  }
}

/** The group of those whose questions go nowhere. */
const nowhere = 0;
