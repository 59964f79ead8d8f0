// The firewall as chains of iptables, all called FAIRLEAD-*, which the built-in chains of raw, filter and nat lead to first.
// For kernels without nf_tables, and for administrators who want to see every rule where they always looked.
import type { IpFamily } from '../../base/cidr.ts';
import { toNetError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Subscription } from '../../kernel/subscription.ts';
import type { Difference } from '../../model/difference.ts';
import { endedAllowances } from '../ended-allowances.ts';
import type { Firewall, PolicyChange, PolicyState } from '../firewall.ts';
import { tellOfDifferences, watchTables } from '../nftables/table-watch.ts';
import { StaleConnections } from '../stale-connections.ts';
import type { Surroundings } from './filter-rules.ts';
import { changed, changedPorts, noPolicies, type Policies, policiesOf } from './policies.ts';
import { Programs, type Variant } from './programs.ts';
import { render } from './render.ts';
import { noSurroundings, surroundingsOf } from './surroundings.ts';
import { asFound, type FoundTables, type Tables, tableNames } from './table.ts';
import { differences, transition } from './transition.ts';

/** Changes that come this close together are looked at together: whoever makes rules by iptables makes them one by one. */
const settleMs = 100;

export interface IptablesOptions {
  /** Programs of that name; without it those called `iptables-restore`, whichever they are. */
  readonly variant?: Variant;
  /** Told of what went wrong without harm to the rules. */
  readonly warn?: (error: Error) => void;
  /** Told which programs are used. */
  readonly inform?: (text: string) => void;
}

export class IptablesFirewall implements Firewall {
  readonly name = 'iptables';
  readonly #programs: Programs;
  readonly #warn: (error: Error) => void;
  readonly #inform: (text: string) => void;
  readonly #turn = new KeyedMutex();
  readonly #stale: StaleConnections;
  readonly #listeners: ((who: string) => void)[] = [];
  readonly #surroundings = new Map<IpFamily, Surroundings>();
  /** What was sent last, by family. */
  readonly #applied = new Map<IpFamily, Tables>();
  #policies: Policies = noPolicies;
  #begun = false;
  #watch: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ variant, warn = () => {}, inform = () => {} }: IptablesOptions = {}) {
    this.#programs = new Programs(variant);
    this.#warn = warn;
    this.#inform = inform;
    this.#stale = new StaleConnections(warn);
  }

  async apply(changes: readonly PolicyChange[]): Promise<void> {
    const ended = await this.#alone(async () => {
      const next = changed(this.#policies, changes);
      const ports = changedPorts(this.#policies, next);
      const allowances = endedAllowances(this.#policies.allowances, next.allowances);
      await this.#stale.clear(ports.added);
      await this.#change(next);
      this.#policies = next;
      return { clients: this.#stale.end(ports, allowances) };
    });
    await ended.clients;
  }

  replace(state: PolicyState): Promise<void> {
    return this.#alone(async () => {
      const next = policiesOf(state);
      await this.#begin();
      await this.#bringAbout(next);
      this.#policies = next;
    });
  }

  inspect(desired?: PolicyState): Promise<readonly Difference[]> {
    return this.#alone(async () => {
      const policies = desired === undefined ? this.#policies : policiesOf(desired);
      const found = await this.#each(async (family) => {
        const tables = await this.#programs.save(family);
        const wanted = render(family, policies, surroundingsOf(tables.filter));
        return differences(family === 4 ? 'iptables' : 'ip6tables', tables, wanted);
      });
      return found.flat();
    });
  }

  /** The legacy variant is silent: there a change is found by whoever looks. */
  onForeignChange(listener: (who: string) => void): void {
    this.#listeners.push(listener);
  }

  /** The rules stay in force. */
  async close(): Promise<void> {
    await this.#alone(async () => {
      this.#watch?.close();
      clearTimeout(this.#timer);
    });
    await this.#stale.settled();
  }

  /** One at a time: a change is worked out against what the one before has left. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn.run({ exclusive: ['tables'] }, work);
  }

  /** Both families at once; a failure of one is told when the other has come to its end as well. */
  async #each<T>(work: (family: IpFamily) => Promise<T>): Promise<readonly T[]> {
    const outcomes = await Promise.allSettled(this.#programs.families.map(work));
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  /** Sends the difference. When that is refused, others have changed something: what is there is compared as a whole. */
  async #change(next: Policies): Promise<void> {
    const wanted = new Map(this.#programs.families.map((family) => [family, this.#wanted(family, next)]));
    try {
      await this.#each(async (family) => {
        const [before, after] = [this.#applied.get(family), wanted.get(family)];
        if (before === undefined || after === undefined) await this.#align(family, next);
        else await this.#send(family, allFound(before), after);
      });
    } catch {
      await this.#bringAbout(next);
    }
  }

  /** Reads what is there and sends the difference. What is refused leaves the rules as they were applied last. */
  async #bringAbout(next: Policies): Promise<void> {
    try {
      await this.#each((family) => this.#align(family, next));
    } catch (error) {
      await this.#each((family) => this.#align(family, this.#policies)).catch(this.#warn);
      throw toNetError(error);
    }
  }

  async #align(family: IpFamily, policies: Policies): Promise<void> {
    const found = await this.#programs.save(family);
    this.#surroundings.set(family, surroundingsOf(found.filter));
    await this.#send(family, found, this.#wanted(family, policies));
  }

  async #send(family: IpFamily, found: FoundTables, wanted: Tables): Promise<void> {
    const input = transition(found, wanted);
    this.#applied.delete(family);
    if (input !== '') await this.#programs.restore(family, input);
    this.#applied.set(family, wanted);
  }

  #wanted(family: IpFamily, policies: Policies): Tables {
    return render(family, policies, this.#surroundings.get(family) ?? noSurroundings);
  }

  /** The kernel announces what is changed by nf_tables, whoever does it. */
  async #begin(): Promise<void> {
    if (this.#begun) return;
    const version = await this.#programs.version();
    this.#inform(`firewall: rules are made by ${version}`);
    if (version.includes('nf_tables')) {
      const tables = (['ip', 'ip6'] as const).flatMap((family) =>
        tableNames.map((name) => ({ family, name })),
      );
      const listener = {
        changed: (who: string) => {
          if (!this.#programs.isOwn(who)) this.#note(who);
        },
        lost: () => this.#note('an unknown program'),
      };
      this.#watch = await watchTables(tables, listener);
    }
    this.#begun = true;
  }

  #note(who: string): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#look(who);
    }, settleMs).unref();
  }

  /** What others change in these tables is mostly their own: only a difference counts. */
  #look(who: string): void {
    const tell = () => {
      for (const listener of this.#listeners) listener(who);
    };
    tellOfDifferences(this.inspect(), tell, this.#warn);
  }
}

function allFound({ raw, filter, nat }: Tables): FoundTables {
  return { raw: asFound(raw), filter: asFound(filter), nat: asFound(nat) };
}
