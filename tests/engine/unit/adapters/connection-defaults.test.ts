// How environment variables complete a profile. The rules are libpq's, observed with psycopg2 under real dbt.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completeTls, serverOptions } from '../../../../src/adapters/postgres/connection-defaults.ts';

const nothing = { sslmode: null, sslcert: null, sslkey: null, sslrootcert: null };

test('TLS settings come from the profile first, then from the environment', () => {
  const env = { PGSSLMODE: 'verify-full', PGSSLCERT: '/c', PGSSLKEY: '/k', PGSSLROOTCERT: '/r' };
  expect(completeTls(nothing, {})).toEqual(nothing);
  expect(completeTls(nothing, env)).toEqual({ sslmode: 'verify-full', sslcert: '/c', sslkey: '/k', sslrootcert: '/r' });
  expect(completeTls({ sslmode: 'disable', sslcert: '/a', sslkey: '/b', sslrootcert: 'system' }, env)).toEqual({
    sslmode: 'disable',
    sslcert: '/a',
    sslkey: '/b',
    sslrootcert: 'system',
  });
  expect(completeTls(nothing, { PGREQUIRESSL: '1' }).sslmode).toBe('require');
});

test('TLS settings use the files in ~/.postgresql when they exist', () => {
  const home = mkdtempSync(join(tmpdir(), 'tsdbt-home-'));
  mkdirSync(join(home, '.postgresql'));
  writeFileSync(join(home, '.postgresql/root.crt'), '');
  expect(completeTls(nothing, { HOME: home })).toEqual({ ...nothing, sslrootcert: join(home, '.postgresql/root.crt') });
});

test('PGTZ becomes a server option after those of PGOPTIONS', () => {
  expect(serverOptions({})).toBeNull();
  expect(serverOptions({ PGOPTIONS: '-c work_mem=3MB' })).toBe('-c work_mem=3MB');
  expect(serverOptions({ PGOPTIONS: '-c work_mem=3MB', PGTZ: 'a b\\c' })).toBe(
    '-c work_mem=3MB -c TimeZone=a\\ b\\\\c',
  );
});
