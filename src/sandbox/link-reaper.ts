// Removing links on the host in groups: one removal waits some 20 ms for the kernel, a group of sixteen hardly longer.
import { randomInt } from 'node:crypto';
import { NetlinkError } from '../kernel/netlink/error.ts';
import { runReaper } from '../kernel/program.ts';
import { request } from '../kernel/rtnetlink/client.ts';
import { changeLink, removeLinkGroup } from '../kernel/rtnetlink/link.ts';

interface Removal {
  readonly name: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A larger group would hold the kernel's one lock for all network configuration noticeably long. */
const maxGroup = 16;

/**
 * Group numbers (IFLA_GROUP) for removals: drawn afresh for each from 16 million that no people and no program use, as
 * groups are small numbers given by hand (/etc/iproute2/group). So no foreign link can be in one.
 */
const firstGroup = 0x4600_0000;
const groups = 2 ** 24;

export class LinkReaper {
  readonly #waiting: Removal[] = [];
  #running = false;

  /** Resolves when the link is gone; absent is fine. Removals asked for meanwhile are carried out together. */
  remove(name: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ name, done, failed });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    await Promise.resolve(); // removals asked for in one go join the first group
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, maxGroup);
      try {
        await removeTogether(group.map(({ name }) => name));
        for (const { done } of group) done();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#running = false;
  }
}

async function removeTogether(names: readonly string[]): Promise<void> {
  const group = firstGroup + randomInt(groups);
  let left = names;
  while (left.length > 0) {
    const marks = left.map((name) => request('host', changeLink({ name }, { group })));
    try {
      await runReaper([...marks, request('host', removeLinkGroup(group))]);
      return;
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
      const absent = error.step;
      if (absent === left.length) return; // somebody removed them all between two steps
      left = left.filter((_, index) => index !== absent);
    }
  }
}
