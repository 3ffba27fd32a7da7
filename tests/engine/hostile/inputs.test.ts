// Hostile inputs: none ends in JavaScript's or the system's words, takes too long or too much memory, or writes outside
// of the project. The short form runs one input of each kind and every sixtieth, in one process with a limit of memory;
// TSDBT_HOSTILE=long runs all of them, a process an input.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { Arena, faults } from './attempt.ts';
import type { HostileInput } from './input.ts';
import { FILES } from './inputs-files.ts';
import { TEMPLATES } from './inputs-templates.ts';
import { YAML } from './inputs-yaml.ts';

const LONG = process.env['TSDBT_HOSTILE'] === 'long';
const ALL: readonly HostileInput[] = [...TEMPLATES, ...YAML, ...FILES];
/** The command, and the files that are written for it. */
const kindOf = ({ command, files, database }: HostileInput): string =>
  [command[0], database, ...Object.keys(files).map((path) => path.split('.').at(-1))].join(' ');
const kinds = new Set<string>();
const CHOSEN = LONG
  ? ALL
  : ALL.filter((input, i) => !input.long && (i % 60 === 0 || !kinds.has(kindOf(input))) && kinds.add(kindOf(input)));
const GROUP = 50;
const GROUPS = Array.from({ length: Math.ceil(CHOSEN.length / GROUP) }, (_, i) =>
  CHOSEN.slice(i * GROUP, (i + 1) * GROUP),
);

let server: Awaited<ReturnType<TestServer['open']>>;
let arena: Arena;

beforeAll(async () => {
  server = await SERVERS[0]!.open();
  const { database: dbname, ...credentials } = server.credentials;
  arena = new Arena({ ...credentials, dbname, schema: 'hostile' }, LONG);
});
afterAll(async () => {
  arena.close();
  await server.close();
});

describe('the hostile inputs', () => {
  it(`number at least 400: ${ALL.length}, of which ${CHOSEN.length} are tried here`, () => {
    expect(ALL.length).toBeGreaterThanOrEqual(400);
  });

  it.each(GROUPS.map((inputs, i) => [i * GROUP, inputs] as const))(
    'from number %i on fail with a plain message, in time, and within the project',
    { timeout: 3_600_000 },
    async (_first, inputs) => {
      const wrong: string[] = [];
      for (const input of inputs) {
        const found = faults(input, await arena.attempt(input));
        if (found.length > 0) wrong.push(`${input.name}: ${found.join('; ')}`);
      }
      expect(wrong).toEqual([]);
    },
  );
});
