// Removing links, in groups and side by side, told of as soon as they are gone: the kernel takes a link away within less than a
// millisecond, but keeps whoever asked for it waiting some 20 more.
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { NetlinkError } from '../kernel/netlink/error.ts';
import type { Namespace } from '../kernel/netns.ts';
import { runReaper } from '../kernel/program.ts';
import { findLink, request } from '../kernel/rtnetlink/client.ts';
import { changeLink, removeLink, removeLinkGroup } from '../kernel/rtnetlink/link.ts';

interface Removal {
  readonly name: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A larger group would hold the kernel's one lock for all network configuration noticeably long. */
const maxGroup = 16;

/** As many groups at once as there are threads for them (native/addon/program_binding.cc). */
const maxDeletions = 32;

/**
 * Group numbers (IFLA_GROUP) for removals: drawn afresh for each from 16 million that no people and no program use, as
 * groups are small numbers given by hand (/etc/iproute2/group). So no foreign link can be in one.
 */
const firstGroup = 0x4600_0000;
const groups = 2 ** 24;

/** Questions in a row about a link that is still there; beyond that its deletion has not begun, and a pause is due. */
const eagerQuestions = 8;
const pauseMs = 1;

export class LinkReaper {
  readonly #waiting: Removal[] = [];
  /** What is under way, until the kernel is done with it; never rejected. */
  readonly #underway = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];

  /**
   * Resolves when the link can be seen no more; absent is fine. Meant is the link that has the name now, not one that
   * somebody makes anew meanwhile. Removals asked for at once are carried out together, and so are those that have to wait.
   */
  remove(name: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ name, done, failed });
      // Removals asked for in one go join the first group.
      if (this.#waiting.length === 1) queueMicrotask(() => this.#start());
    });
  }

  /** As `remove`, for a link inside a namespace, which may be closed afterwards. */
  async removeInside(namespace: Namespace, index: number): Promise<void> {
    const deletion = ignoreAbsence(runReaper([request('namespace', removeLink({ index }))], namespace));
    const { gone, end } = follow([index], deletion, namespace);
    this.#keep(end);
    await gone;
  }

  /**
   * Waits until the kernel is done with all that was removed. Errors: AggregateError of what failed after the links were
   * gone. Their removal does not depend on this wait: a request in the kernel runs to its end, even if the process exits.
   */
  async close(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway);
    const failures = this.#failures.splice(0);
    if (failures.length > 0)
      throw new AggregateError(failures, 'removals of links failed after they were gone');
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#underway.size < maxDeletions) {
      this.#keep(removeGroup(this.#waiting.splice(0, maxGroup)));
    }
  }

  #keep(end: Promise<void>): void {
    const settled = end
      .catch((error: unknown) => {
        this.#failures.push(error);
      })
      .then(() => {
        this.#underway.delete(settled);
        this.#start();
      });
    this.#underway.add(settled);
  }
}

/** Resolves when the kernel is done. Errors: those that none of the removals was told of. */
async function removeGroup(removals: readonly Removal[]): Promise<void> {
  let end: Promise<void> | undefined;
  try {
    const links = await indexesOf(removals.map(({ name }) => name));
    const deletion = follow(links, removeTogether(links));
    end = deletion.end;
    await deletion.gone;
    for (const { done } of removals) done();
  } catch (error) {
    for (const { failed } of removals) failed(error);
  }
  await end;
}

/** Of those that are there. */
async function indexesOf(names: readonly string[]): Promise<readonly number[]> {
  const links = await Promise.all(names.map((name) => findLink({ name })));
  return links.flatMap((link) => (link === undefined ? [] : [link.index]));
}

async function removeTogether(links: readonly number[]): Promise<void> {
  const group = firstGroup + randomInt(groups);
  let left = links;
  while (left.length > 1) {
    const marks = left.map((index) => request('host', changeLink({ index }, { group })));
    try {
      await runReaper([...marks, request('host', removeLinkGroup(group))]);
      return;
    } catch (error) {
      if (!isAbsence(error)) throw error;
      const absent = error.step;
      if (absent === left.length) return; // somebody removed them all between two steps
      left = left.filter((_, index) => index !== absent);
    }
  }
  const [index] = left;
  if (index !== undefined) await ignoreAbsence(runReaper([request('host', removeLink({ index }))]));
}

/** A deletion under way: when its links are gone, and when it is over. */
interface Deletion {
  /** Errors: those of the deletion, if it is over before. */
  readonly gone: Promise<void>;
  /** Errors: those of the deletion that came after the links were gone. */
  readonly end: Promise<void>;
}

function follow(links: readonly number[], deletion: Promise<void>, namespace?: Namespace): Deletion {
  let over = false;
  const ended = deletion.finally(() => {
    over = true;
  });
  const gone = Promise.race([ended, noneLeft(links, () => over, namespace)]);
  const end = gone.then(
    () => ended,
    () => ended.catch(() => undefined), // told of already
  );
  return { gone, end };
}

/** Resolves when none of the links is there. The kernel answers after whoever has its lock, so few questions do. */
async function noneLeft(links: readonly number[], over: () => boolean, namespace?: Namespace): Promise<void> {
  let left = links;
  for (let asked = 1; left.length > 0 && !over(); asked++) {
    // They go at once, so the first of them tells of the others too, unless somebody else took it away.
    const [first = 0, ...rest] = left;
    if ((await findLink({ index: first }, namespace)) === undefined) {
      const found = await Promise.all(rest.map((index) => findLink({ index }, namespace)));
      left = rest.filter((_, place) => found[place] !== undefined);
    } else if (asked >= eagerQuestions) {
      await pause(pauseMs);
    }
  }
}

async function ignoreAbsence(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

function isAbsence(error: unknown): error is NetlinkError {
  return error instanceof NetlinkError && error.code === 'ENODEV';
}
