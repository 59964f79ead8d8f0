import { describe, expect, test } from 'vitest';
import { type DuplicateName, DuplicateNames } from '../../../../src/dns/names/duplicate-names.ts';
import { type EndpointId, type NetworkId, type SandboxId, shortId } from '../../../../src/model/ids.ts';
import type { NameEntry } from '../../../../src/model/name-entry.ts';
import { Random } from '../../../support/random.ts';

const sandboxId = (sandbox: string) => sandbox.padEnd(64, '0') as SandboxId;

/** An endpoint of a sandbox, under its name, hostname and short id, with these aliases. */
function claim(
  sandbox: string,
  network: string,
  aliases: readonly string[] = [],
  hostname = sandbox,
): NameEntry {
  const id = sandboxId(sandbox);
  return {
    endpointId: `${sandbox}@${network}` as EndpointId,
    networkId: network as NetworkId,
    networkName: network,
    sandboxId: id,
    names: [...new Set([sandbox, hostname, shortId(id), ...aliases])],
    addresses: [],
    services: [],
  };
}

const view = (asker: string, ...networks: readonly string[]) => ({
  sandboxId: sandboxId(asker),
  networks: networks as readonly NetworkId[],
});

function watched() {
  const reported: string[] = [];
  const names = new DuplicateNames(({ name, claims }) => {
    reported.push(`${name}: ${claims.map(({ endpointId }) => endpointId).join(' ')}`);
  });
  return { names, taken: () => reported.splice(0) };
}

describe('on one network', () => {
  test.each([
    ['a hostname is like the name of another', claim('web', 'lab'), claim('api', 'lab', [], 'web'), ['web']],
    ['an alias is like the name of another', claim('web', 'lab'), claim('api', 'lab', ['WEB']), ['web']],
    ['a name is like the alias of another', claim('api', 'lab', ['web']), claim('web', 'lab'), ['web']],
    ['hostnames are alike', claim('a', 'lab', [], 'app'), claim('b', 'lab', [], 'APP'), ['app']],
    ['aliases are shared', claim('a', 'lab', ['store']), claim('b', 'lab', ['store']), []],
    ['names are one sandbox’s', claim('a', 'lab', ['b']), { ...claim('a', 'lab', ['b']) }, []],
    ['letters that are not ASCII differ in case', claim('É', 'lab'), claim('x', 'lab', ['é']), []],
  ])('%s', (_, one, other, names) => {
    const { names: claims, taken } = watched();
    claims.put(one);
    expect(taken()).toEqual([]);
    claims.put(other);
    expect(taken()).toEqual(names.map((name) => `${name}: ${other.endpointId} ${one.endpointId}`));
  });

  test('a claim put again as it was is not told again, one that was gone is', () => {
    const { names, taken } = watched();
    names.put(claim('web', 'lab'));
    names.put(claim('api', 'lab', ['web']));
    expect(taken()).toHaveLength(1);
    names.put(claim('api', 'lab', ['web', 'other']));
    names.put(claim('web', 'lab'));
    expect(taken()).toEqual([]);
    names.put(claim('api', 'lab'));
    names.put(claim('api', 'lab', ['web']));
    expect(taken()).toEqual(['web: api@lab web@lab']);
    names.remove('web@lab' as EndpointId);
    names.put(claim('web', 'lab'));
    expect(taken()).toEqual(['web: web@lab api@lab']);
  });

  test('of a name that very many claim a few are told', () => {
    const { names, taken } = watched();
    for (let i = 0; i < 1000; i++) names.put(claim(`s${i}`, 'lab', [], 'app'));
    expect(taken().at(-1)?.split(' ')).toHaveLength(1 + 8);
  });
});

describe('on two networks', () => {
  test('claims of one name are told when somebody sees both, also of aliases', () => {
    const { names, taken } = watched();
    names.put(claim('db', 'lab', ['store']));
    names.put(claim('db2', 'back', ['store']));
    names.setView(view('one', 'lab'));
    names.setView(view('other', 'back'));
    expect(taken()).toEqual([]);
    names.setView(view('one', 'lab', 'back'));
    expect(taken()).toEqual(['store: db@lab db2@back']);
    names.setView(view('other', 'back', 'lab', 'lab'));
    expect(taken()).toEqual([]);
  });

  test('a claim made later is told, and after nobody sees both any more, the next time somebody does', () => {
    const { names, taken } = watched();
    names.setView(view('asker', 'lab', 'back', 'other'));
    names.put(claim('db', 'lab'));
    names.put(claim('x', 'back', ['db']));
    expect(taken()).toEqual(['db: x@back db@lab']);
    names.removeView(sandboxId('asker'));
    names.put(claim('y', 'other', ['db']));
    expect(taken()).toEqual([]);
    names.setView(view('asker', 'lab', 'back', 'other'));
    expect(taken()).toEqual(['db: db@lab x@back', 'db: db@lab y@other', 'db: x@back y@other']);
  });

  test('the names of a sandbox on both are its own', () => {
    const { names, taken } = watched();
    names.setView(view('both', 'lab', 'back'));
    names.put(claim('both', 'lab', ['store']));
    names.put(claim('both', 'back', ['store']));
    expect(taken()).toEqual([]);
  });
});

test('who else claims a name is told for the networks asked about, or for all that are seen together', () => {
  const { names } = watched();
  const web = claim('web', 'lab', ['store']);
  for (const entry of [web, claim('x', 'lab', ['web', 'store']), claim('y', 'back', ['store'])])
    names.put(entry);
  const rivals = (name: string, networks?: readonly string[]) =>
    names.rivals(web, name, networks as readonly NetworkId[]).map(({ names: [own] }) => own);
  expect(rivals('WEB')).toEqual(['x']);
  expect(rivals('store')).toEqual([]);
  expect(rivals('store', ['lab', 'back'])).toEqual(['y']);
  names.setView(view('asker', 'lab', 'back'));
  expect(rivals('store')).toEqual(['y']);
});

/** What is to be told, by looking at every two claims there are. */
class Naive {
  readonly entries = new Map<EndpointId, NameEntry>();
  readonly views = new Map<SandboxId, readonly NetworkId[]>();

  clashes(): ReadonlySet<string> {
    const claims = [...this.entries.values()].flatMap((entry) => {
      const ownCount = entry.names.indexOf(shortId(entry.sandboxId)) + 1;
      return entry.names.map((name, i) => ({ entry, name, isOwn: i < ownCount }));
    });
    const found = claims.flatMap((a) =>
      claims
        .filter((b) => this.#clash(a, b))
        .map((b) => `${a.name} ${a.entry.endpointId} ${b.entry.endpointId}`),
    );
    return new Set(found);
  }

  #clash(a: NaiveClaim, b: NaiveClaim): boolean {
    if (a.name !== b.name || a.entry.sandboxId === b.entry.sandboxId) return false;
    const [one, other] = [a.entry.networkId, b.entry.networkId];
    if (one === other) return a.isOwn || b.isOwn;
    return [...this.views.values()].some((seen) => seen.includes(one) && seen.includes(other));
  }
}

interface NaiveClaim {
  readonly entry: NameEntry;
  readonly name: string;
  readonly isOwn: boolean;
}

test.each([1, 2, 3, 4])(
  'whatever changes, what is told is what two claims newly clash about (seed %d)',
  (seed) => {
    const random = new Random(seed);
    const pick = <T>(items: readonly T[]) => items[random.below(items.length)] as T;
    const some = <T>(items: readonly T[]) => items.filter(() => random.next() < 0.4);
    const sandboxes = ['a', 'b', 'c', 'd', 'e'];
    const networks = ['k', 'l', 'm', 'n'];
    const told: DuplicateName[] = [];
    const names = new DuplicateNames((duplicate) => told.push(duplicate));
    const naive = new Naive();
    let before = naive.clashes();
    for (let step = 0; step < 1500; step++) {
      const kind = random.next();
      if (kind < 0.45) {
        const hostname = random.next() < 0.5 ? undefined : pick(['a', 'x', 'y']);
        const entry = claim(pick(sandboxes), pick(networks), some(['a', 'x', 'y', 'z']), hostname);
        names.put(entry);
        naive.entries.set(entry.endpointId, entry);
      } else if (kind < 0.7) {
        const { endpointId } = claim(pick(sandboxes), pick(networks));
        names.remove(endpointId);
        naive.entries.delete(endpointId);
      } else if (kind < 0.9) {
        const seen = view(pick(sandboxes), ...some(networks));
        names.setView(seen);
        naive.views.set(seen.sandboxId, seen.networks);
      } else {
        const asker = sandboxId(pick(sandboxes));
        names.removeView(asker);
        naive.views.delete(asker);
      }
      const after = naive.clashes();
      const fresh = [...after].filter((clash) => !before.has(clash));
      const expected = new Set(fresh.map((clash) => clash.split(' ')[0]));
      const toldNow = told.splice(0);
      expect(new Set(toldNow.map(({ name }) => name)), `step ${step}`).toEqual(expected);
      for (const { name, claims } of toldNow) {
        const pairs = claims.flatMap((a) => claims.map((b) => `${name} ${a.endpointId} ${b.endpointId}`));
        expect(
          pairs.some((pair) => fresh.includes(pair)),
          `step ${step}: ${name}`,
        ).toBe(true);
      }
      before = after;
    }
  },
);
