// Tests which publications are rejected before anything runs, because connections.yml shows that they go to one table.
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/contracts/node.ts';
import type { PublicationNode } from '../../../../src/contracts/publication.ts';
import { checkReceivers } from '../../../../src/publish/check-targets.ts';
import { PUBLICATIONS } from '../../../../src/settings/publication-settings.ts';
import { readSetting } from '../../../../src/settings/setting.ts';

const CONNECTIONS: { readonly [name: string]: Json } = {
  lookup: { type: 'postgres', schema: 'serving' },
  plain: { type: 'postgres' },
  empty: { type: 'postgres', schema: null },
  analytics: { type: 'clickhouse' },
  ice: { type: 'iceberg' },
  marts: { type: 'iceberg', namespace: 'marts' },
  templated: { type: 'postgres', schema: "{{ env_var('S') }}" },
  unknown: { type: "{{ env_var('T') }}" },
  lake: { type: 's3' },
};

const published = (model: string, written: Json): PublicationNode[] =>
  readSetting(PUBLICATIONS, written, {
    refuse: ({ message }) => {
      throw new Error(message);
    },
  }).map(
    (config) =>
      ({
        config,
        original_file_path: 'models/m.sql',
        depends_on: { macros: [], nodes: [`model.p.${model}`] },
      }) as unknown as PublicationNode,
  );
const check = (...publications: PublicationNode[][]): void =>
  checkReceivers(publications.flat(), { path: 'connections.yml', connections: CONNECTIONS });

describe('two publications to one table', () => {
  it.each([
    ['lookup', 'm', 'serving.m'],
    ['lookup', 'serving.m', 'm'],
    ['plain', 'm', 'public.m'],
    ['empty', 'm', 'public.m'],
    ['analytics', 'm', 'default.m'],
    ['ice', 'm', 'default.m'],
    ['marts', 'marts.m', 'm'],
    ['templated', 'm', 'm'],
    ['unknown', 's.m', 's.m'],
  ])('are rejected: to %s, %s and %s', (to, one, two) => {
    const what = `goes to '${two}' of '${to}', and model a goes to '${one}': both are one table`;
    expect(() => check(published('a', { to, table: one }), published('b', { to, table: two }))).toThrow(
      expect.objectContaining({
        message: `Publication of model b: ${what}.`,
        details: expect.objectContaining({ path: 'models/m.sql', hint: 'Each copy has a table of its own.' }),
      }),
    );
    if (one !== two)
      expect(() =>
        check(
          published('a', [
            { to, table: one },
            { to, table: two },
          ]),
        ),
      ).toThrow("and model a goes to '");
  });

  it('are accepted if the tables differ, or if a template decides', () => {
    check(
      published('a', [
        { to: 'lookup', table: 'm' },
        { to: 'lookup', table: 'public.m' },
        { to: 'plain', table: 'm' },
        { to: 'templated', table: 'm' },
        { to: 'templated', table: 'public.m' },
        { to: 'unknown', table: 'm' },
        { to: 'unknown', table: 'public.m' },
        { to: 'lake', path: 'a' },
      ]),
      published('b', [
        { to: 'lookup', table: 'M' },
        { to: 'lake', path: 'b' },
      ]),
    );
  });
});
