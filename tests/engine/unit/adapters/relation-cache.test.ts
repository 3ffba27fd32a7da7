// Tests that the relation cache follows changes of relations, even while the catalogue is being queried, without extra
// queries.
import { describe, expect, test } from 'vitest';
import { clickhouseRelation } from '../../../../src/adapters/clickhouse/relation.ts';
import { POSTGRES_RELATION } from '../../../../src/adapters/postgres/relation.ts';
import { Relation } from '../../../../src/adapters/relation.ts';
import type { RelationType } from '../../../../src/adapters/relation-dialect.ts';
import { type Listing, RelationCache, type SchemaName } from '../../../../src/adapters/relation-cache.ts';

const rel = (identifier: string, type: RelationType = 'table', schema = 's'): Relation =>
  Relation.create(POSTGRES_RELATION, { database: 'd', schema, identifier, type });
const names = (cache: RelationCache, schema = 's'): string[] =>
  cache
    .list('d', schema)
    .map((relation) => relation.identifier!)
    .sort();
const schema = (name: string): SchemaName => ({ database: 'd', schema: name });

async function filled(
  links: Listing['links'] = [
    [rel('t'), rel('v')],
    [rel('v'), rel('w')],
  ],
): Promise<RelationCache> {
  const cache = new RelationCache();
  await cache.fill([schema('s'), schema('empty')], {}, async () => ({
    relations: [rel('t'), rel('v', 'view'), rel('w', 'view'), rel('other')],
    links: links!,
  }));
  return cache;
}

/** A catalogue query that the test answers. */
function question(): {
  ask(schemas: readonly SchemaName[]): Promise<Listing>;
  asked: string[][];
  answer(...relations: Relation[]): Promise<void>;
  fail(error: Error): Promise<void>;
} {
  const asked: string[][] = [];
  const waiting: { resolve(listing: Listing): void; reject(error: Error): void }[] = [];
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return {
    asked,
    ask: (schemas) => {
      asked.push(schemas.map((one) => one.schema));
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
      });
    },
    async answer(...relations) {
      waiting.shift()!.resolve({ relations });
      await settled();
    },
    async fail(error) {
      waiting.shift()!.reject(error);
      await settled();
    },
  };
}

describe('the relation cache', () => {
  test('finds names whatever their case', async () => {
    const cache = await filled();
    expect(cache.get({ database: 'D', schema: 'S', identifier: 'T' })?.type).toBe('table');
    expect(cache.hasSchema('D', 'EMPTY')).toBe(true);
    expect(cache.hasSchema('d', 'unknown')).toBe(false);
  });

  test('keeps names that differ only by case apart, also when it forgets one', async () => {
    const cache = new RelationCache(false, 'd');
    await cache.fill([schema('s')], {}, async () => ({ relations: [rel('Orders', 'view'), rel('orders')] }));
    expect([cache.get(rel('Orders'))?.type, cache.get(rel('orders'))?.type, cache.get(rel('ORDERS'))?.type]).toEqual([
      'view',
      'table',
      'view',
    ]);
    cache.forget(rel('orders'));
    expect([cache.get(rel('Orders'))?.type, cache.get(rel('orders'))]).toEqual(['view', undefined]);
    const bare = rel('ORDERS').quote({ identifier: false, schema: false });
    cache.replace(bare);
    expect(cache.get(rel('orders'))?.render()).toBe(bare.render());
  });

  test('looks up a name without a database in the connected database', async () => {
    const cache = new RelationCache(false, 'd');
    await cache.fill([{ database: null, schema: 's' }], {}, async () => ({ relations: [rel('t')] }));
    expect(cache.get({ database: null, schema: 's', identifier: 't' })?.type).toBe('table');
    expect(cache.hasSchema('d', 's')).toBe(true);
  });

  test('drops everything that depends on a dropped relation, at any depth', async () => {
    const cache = await filled();
    cache.drop(rel('t'));
    expect(names(cache)).toEqual(['other']);
    cache.drop(rel('t'));
  });

  test('keeps the dependants of a renamed relation', async () => {
    const cache = await filled();
    cache.rename(rel('t'), rel('t2'));
    expect(names(cache)).toEqual(['other', 't2', 'v', 'w']);
    cache.drop(rel('t2'));
    expect(names(cache)).toEqual(['other']);
  });

  test('adds the new name when an unknown relation is renamed', async () => {
    const cache = await filled();
    cache.rename(rel('tmp'), rel('new', 'view'));
    expect(cache.get(rel('new'))?.type).toBe('view');
  });

  test('refuses to rename a relation to a name that exists, and says what to do', async () => {
    const cache = await filled();
    cache.replace(rel('x__dbt_tmp'));
    expect(() => cache.checkRename(rel('x__dbt_tmp'))).toThrow(
      /^Cache inconsistency detected: in rename, new key .* already in cache.*share the prefix 'x'/s,
    );
  });

  test('keeps a dependant that was dropped and created again', async () => {
    const cache = await filled();
    cache.drop(rel('v'));
    cache.replace(rel('v', 'view'));
    cache.drop(rel('t'));
    expect(names(cache)).toEqual(['other', 'v']);
  });

  test('forgets only the named relation, and keeps its readers when it is replaced', async () => {
    const cache = await filled();
    cache.replace(rel('t', 'view'));
    expect(cache.get(rel('t'))?.type).toBe('view');
    cache.forget(rel('v'));
    expect(names(cache)).toEqual(['other', 't', 'w']);
  });

  test('does not count a schema as listed when a relation is replaced in it', async () => {
    const cache = await filled();
    cache.replace(rel('t', 'table', 'elsewhere'));
    expect(cache.hasSchema('d', 'elsewhere')).toBe(false);
  });

  test('no longer knows a schema that was dropped', async () => {
    const cache = await filled([[rel('t'), rel('far', 'view', 'empty')]]);
    cache.dropSchema('d', 'S');
    expect(cache.hasSchema('d', 's')).toBe(false);
    expect(names(cache, 'empty')).toEqual([]);
  });

  test('treats readers in unlisted schemas as external, and the schemas stay unlisted', async () => {
    const cache = await filled([
      [rel('t'), rel('outside', 'view', 'elsewhere')],
      [rel('x', 'table', 'unlisted'), rel('y', 'view')],
    ]);
    expect(cache.get(rel('outside', 'view', 'elsewhere'))?.type).toBe('external');
    expect(cache.hasSchema('d', 'elsewhere')).toBe(false);
    expect(cache.get(rel('y'))).toBeUndefined();
    await cache.fill([schema('elsewhere')], {}, async () => ({ relations: [rel('outside', 'view', 'elsewhere')] }));
    expect(cache.get(rel('outside', 'view', 'elsewhere'))?.type).toBe('view');
  });
});

describe('the relation cache, while the catalogue is being queried,', () => {
  test('does not count a schema as listed before the answer, and all callers wait for one query', async () => {
    const cache = new RelationCache();
    const q = question();
    const first = cache.fill([schema('s')], {}, q.ask);
    const second = cache.fill([schema('S'), schema('more')], {}, q.ask);
    expect([q.asked, cache.hasSchema('d', 's')]).toEqual([[['s'], ['more']], false]);
    await q.answer(rel('t'));
    await first;
    expect([names(cache), cache.hasSchema('d', 'more')]).toEqual([['t'], false]);
    await q.answer();
    await second;
    expect([names(cache), q.asked]).toEqual([['t'], [['s'], ['more']]]);
    await cache.fill([schema('s')], {}, q.ask);
    expect(q.asked.length).toBe(2);
  });

  test('prefers changes made meanwhile to the answer', async () => {
    const cache = await filled();
    const q = question();
    const done = cache.fill([schema('s')], {}, q.ask, true);
    // Until the answer arrives, the last one applies.
    expect(names(cache)).toEqual(['other', 't', 'v', 'w']);
    cache.drop(rel('v'));
    cache.replace(rel('made'));
    cache.rename(rel('other'), rel('another'));
    cache.forget(rel('seen_gone'));
    cache.confirm(rel('t'));
    await q.answer(rel('t', 'view'), rel('v', 'view'), rel('w', 'view'), rel('other'), rel('seen_gone'), rel('new'));
    await done;
    expect([names(cache), cache.get(rel('t'))?.type]).toEqual([['another', 'made', 'new', 't'], 'table']);
  });

  test('gives a caller that refreshes only an answer that was queried after its request', async () => {
    const cache = new RelationCache();
    const q = question();
    const early = cache.fill([schema('s')], {}, q.ask);
    const anew = [cache.fill([schema('s')], {}, q.ask, true), cache.fill([schema('s')], {}, q.ask, true)];
    await q.answer(rel('old'));
    await early;
    expect([names(cache), q.asked.length]).toEqual([['old'], 2]);
    await q.answer(rel('new'));
    await Promise.all(anew);
    expect([names(cache), q.asked.length]).toEqual([['new'], 2]);
  });

  test('retries a failed query for the callers that wait, and each error goes to its own caller', async () => {
    const cache = new RelationCache();
    const q = question();
    const first = cache.fill([schema('s')], {}, q.ask);
    const failure = expect(first).rejects.toThrow('connection lost');
    const second = cache.fill([schema('s')], {}, q.ask);
    await q.fail(new Error('connection lost'));
    await failure;
    expect([q.asked.length, cache.hasSchema('d', 's')]).toEqual([2, false]);
    await q.answer(rel('t'));
    await second;
    expect(names(cache)).toEqual(['t']);
  });

  test('queries a schema again that was dropped meanwhile', async () => {
    const cache = new RelationCache();
    const q = question();
    const done = cache.fill([schema('s'), schema('kept')], {}, q.ask);
    cache.dropSchema('d', 's');
    await q.answer(rel('t'), rel('k', 'table', 'kept'));
    expect([q.asked, cache.hasSchema('d', 's'), names(cache, 'kept')]).toEqual([[['s', 'kept'], ['s']], false, ['k']]);
    await q.answer();
    await done;
    expect(names(cache)).toEqual([]);
  });

  test('throws instead of a deadlock when a macro lists a schema and looks up a relation in it', async () => {
    const cache = new RelationCache();
    const session = {};
    const ask = async (): Promise<Listing> => {
      await cache.fill([schema('s')], session, ask);
      return { relations: [] };
    };
    await expect(cache.fill([schema('s')], session, ask)).rejects.toThrow(
      'the macro that lists the relations of s looks up a relation there',
    );
  });

  test('ignores links of relations that no longer exist', async () => {
    const cache = await filled();
    let answer: (listing: Listing) => void = () => undefined;
    const done = cache.fill(
      [schema('s')],
      {},
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      true,
    );
    cache.drop(rel('v'));
    answer({
      relations: [rel('t'), rel('v', 'view'), rel('w', 'view'), rel('other')],
      links: [
        [rel('t'), rel('v')],
        [rel('v'), rel('w')],
        [rel('other'), rel('t')],
      ],
    });
    await done;
    expect(names(cache)).toEqual(['other', 't']);
    cache.drop(rel('other'));
    expect(names(cache)).toEqual([]);
  });
});

describe('an uncommitted change in the relation cache', () => {
  test('stays as its writer made it, and a rollback restores what the catalogue reported last', async () => {
    const cache = await filled();
    const writer = { pending: true };
    cache.drop(rel('t'), writer);
    cache.replace(rel('other', 'view'), writer);
    cache.replace(rel('made'), writer);
    await cache.fill(
      [schema('s')],
      {},
      async () => ({ relations: [rel('t', 'materialized_view'), rel('other'), rel('v', 'view')], links: [] }),
      true,
    );
    expect([names(cache), cache.get(rel('other'))?.type]).toEqual([['made', 'other'], 'view']);
    cache.rolledBack(writer);
    expect([names(cache), cache.get(rel('other'))?.type, cache.get(rel('t'))?.type]).toEqual([
      ['other', 't', 'v'],
      'table',
      'materialized_view',
    ]);
  });

  test('is visible only to its writer', async () => {
    const cache = await filled();
    const [writer, reader] = [{ pending: true }, { pending: true }];
    cache.replace(rel('made'), writer);
    cache.replace(rel('other', 'view'), writer);
    cache.drop(rel('t'), writer);
    const seen = (by: object): unknown[] => [
      cache.get(rel('made'), by)?.type,
      cache.get(rel('other'), by)?.type,
      cache.get(rel('t'), by)?.type,
      cache
        .list('d', 's', by)
        .map(({ identifier }) => identifier)
        .sort(),
    ];
    expect(seen(writer)).toEqual(['table', 'view', undefined, ['made', 'other']]);
    expect(seen(reader)).toEqual([undefined, 'table', 'table', ['other', 't', 'v', 'w']]);
    cache.committed(writer);
    expect(seen(reader)).toEqual(seen(writer));
  });

  test('ends when another session holds the lock and finds what the server has', async () => {
    const cache = await filled();
    const [writer, reader] = [{ pending: true }, { pending: true }];
    cache.replace(rel('made'), writer);
    cache.drop(rel('other'), writer);
    cache.found(rel('made'), rel('made'), reader);
    cache.found(rel('other'), undefined, reader);
    expect([cache.get(rel('made'), reader)?.type, cache.get(rel('other'), reader)]).toEqual(['table', undefined]);
    cache.rolledBack(writer);
    expect([cache.get(rel('made'), reader)?.type, cache.get(rel('other'), reader)]).toEqual(['table', undefined]);
  });

  test('is not in the answer of a query that was sent before the commit', async () => {
    const cache = await filled();
    const writer = { pending: true };
    cache.rename(rel('t'), rel('t2'), writer);
    const q = question();
    const done = cache.fill([schema('s')], {}, q.ask, true);
    cache.committed(writer);
    await q.answer(rel('t'), rel('other'));
    await done;
    expect(names(cache)).toEqual(['other', 't2']);
    cache.rolledBack(writer);
    expect(names(cache)).toEqual(['other', 't2']);
  });

  test('that renames a relation leaves the old name with its readers when it is rolled back', async () => {
    const cache = await filled();
    const writer = { pending: true };
    cache.rename(rel('t'), rel('t__dbt_backup'), writer);
    cache.replace(rel('t'), writer);
    cache.drop(rel('t__dbt_backup'), writer);
    expect(names(cache)).toEqual(['other', 't']);
    cache.rolledBack(writer);
    expect(names(cache)).toEqual(['other', 't', 'v', 'w']);
    cache.drop(rel('t'));
    expect(names(cache)).toEqual(['other']);
  });

  test('makes the cache query the schema again when the outcome of the commit is unknown', async () => {
    const cache = await filled();
    const writer = { pending: true };
    cache.drop(rel('other'), writer);
    cache.rolledBack(writer, false);
    expect([cache.hasSchema('d', 's'), cache.hasSchema('d', 'empty')]).toEqual([false, true]);
  });
});

/** Returns a generator of pseudo-random numbers from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A database in which several sessions change their own relations, with or without transactions, while catalogue
 * queries are executed at one time and answered later. A look-up must return what is committed, or what the session
 * itself has changed.
 */
async function interleave(seed: number, exact: boolean): Promise<void> {
  const next = random(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!;
  const dialect = exact ? clickhouseRelation({ cluster: null, databaseEngine: null }) : POSTGRES_RELATION;
  const make = (schemaName: string, identifier: string, type: RelationType): Relation =>
    Relation.create(dialect, { database: exact ? '' : 'd', schema: schemaName, identifier, type });
  const cache = new RelationCache(exact, exact ? null : 'd');
  const schemas = ['s', 'r'];
  const committed = new Map<string, RelationType>();
  const path = (schemaName: string, identifier: string): string => `${schemaName}.${identifier}`;
  const due: (() => void)[] = [];
  const pauseHere = (): Promise<void> =>
    new Promise((resolve) => {
      due.push(resolve);
    });
  const ask = async (asked: readonly SchemaName[]): Promise<Listing> => {
    if (next() < 0.6) await pauseHere();
    if (next() < 0.1) throw new Error('lost');
    const read = [...committed];
    if (next() < 0.8) await pauseHere();
    return {
      relations: asked.flatMap((one) =>
        read
          .filter(([name]) => name.startsWith(`${one.schema}.`))
          .map(([name, type]) => make(one.schema, name.split('.')[1]!, type)),
      ),
    };
  };
  for (const name of schemas)
    for (let owner = 0; owner < 4; owner++) if (next() < 0.5) committed.set(path(name, `o${owner}_0`), 'table');

  const session = async (owner: number): Promise<void> => {
    const writer = { pending: false };
    const own = new Map<string, RelationType | null>();
    for (let step = 0; step < 12; step++) {
      if (next() < 0.5) await pauseHere();
      const at = pick(schemas);
      const from = `o${owner}_${Math.floor(next() * 3)}`;
      const to = `o${owner}_${Math.floor(next() * 3)}`;
      const seen = (identifier: string): RelationType | null => {
        const name = path(at, identifier);
        return own.has(name) ? own.get(name)! : (committed.get(name) ?? null);
      };
      const write = (identifier: string, type: RelationType | null): void => {
        const name = path(at, identifier);
        if (writer.pending) own.set(name, type);
        else if (type === null) committed.delete(name);
        else committed.set(name, type);
      };
      const kind = next();
      if (kind < 0.25) {
        // A session's look-up: its own relations are certain.
        await cache.fill([{ database: null, schema: at }], writer, ask, next() < 0.3).catch(() => undefined);
        if (!cache.hasSchema(null, at)) continue;
        for (let i = 0; i < 3; i++) {
          const found = cache.get({ database: null, schema: at, identifier: `o${owner}_${i}` })?.type ?? null;
          if (found !== seen(`o${owner}_${i}`))
            throw new Error(
              `seed ${seed}, step ${step}: ${at}.o${owner}_${i} is ${seen(`o${owner}_${i}`)}, and was said to ` +
                `be ${found}`,
            );
        }
      } else if (kind < 0.35 && !exact && !writer.pending) writer.pending = true;
      else if (kind < 0.5 && writer.pending) {
        const commits = next() < 0.6;
        if (commits) for (const [name, type] of own) type === null ? committed.delete(name) : committed.set(name, type);
        own.clear();
        if (next() < 0.5) await pauseHere();
        writer.pending = false;
        if (commits) cache.committed(writer);
        else cache.rolledBack(writer);
      } else {
        // The statement runs, its answer arrives later, and then the cache is updated.
        const statement = pick(['create', 'drop', 'rename'] as const);
        if (statement === 'create') {
          const type = pick(['table', 'view'] as const);
          write(from, type);
          if (next() < 0.5) await pauseHere();
          cache.replace(make(at, from, type), writer);
        } else if (statement === 'drop') {
          write(from, null);
          if (next() < 0.5) await pauseHere();
          cache.drop(make(at, from, 'table'), writer);
        } else if (seen(from) !== null && seen(to) === null) {
          write(to, seen(from));
          write(from, null);
          if (next() < 0.5) await pauseHere();
          // Its own two names may be unknown, because the schema may not have been listed.
          cache.rename(make(at, from, seen(to)!), make(at, to, seen(to)!), writer);
        }
      }
    }
    cache.rolledBack(writer);
  };

  let running = 4;
  for (let owner = 0; owner < 4; owner++)
    void session(owner).then(
      () => {
        running--;
      },
      (error: unknown) => {
        failure = error;
        running = 0;
      },
    );
  let failure: unknown;
  while (running > 0) {
    for (let i = 0; i < 30; i++) await Promise.resolve();
    if (due.length > 0) due.splice(Math.floor(next() * due.length), 1)[0]!();
  }
  if (failure !== undefined) throw failure;
}

test.each([
  ['Postgres, with transactions', false],
  ['ClickHouse', true],
])(
  'the relation cache of %s knows its own relations in every order of queries, answers and changes',
  async (_name, exact) => {
    for (let seed = 1; seed <= 1500; seed++) await interleave(seed, exact);
  },
);
