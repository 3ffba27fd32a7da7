// state: selection on the case project tests/engine/cases/state/comparison: what real dbt selects after each edit
// (tests/oracle/state.py), with a state that dbt wrote and with one of our own; and manifests of older dbts, result:
// and source_status:.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artifactJson } from '../../../../src/artifacts.ts';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import type { Json } from '../../../../src/contracts/node.ts';
import { buildGraph, type Dag } from '../../../../src/graph/dag.ts';
import { resourceTypesFor } from '../../../../src/graph/resource-types.ts';
import { select, type Selection } from '../../../../src/graph/selector.ts';
import type { PreviousState } from '../../../../src/graph/state-methods.ts';
import { formatError } from '../../../../src/errors.ts';
import { load } from '../../../../src/index.ts';
import { stripColors } from '../../../../src/log.ts';
import { parseProject } from '../../../../src/parser/build-manifest.ts';
import { readSourceFiles } from '../../../../src/project/files.ts';
import { resolveFlags } from '../../../../src/project/flags.ts';
import { loadYaml } from '../../../../src/project/yaml.ts';
import { previousState } from '../../../../src/state/previous-state.ts';
import { builtinMacros } from '../../support/parse.ts';

type Change = string | null | [string, string][] | { repeat: [string, string, number] };
interface Edit {
  name: string;
  files?: Record<string, Change>;
  env?: Record<string, string>;
  vars?: { [name: string]: Json };
}
interface Answer {
  ids?: readonly string[];
  error?: string;
  warnings?: string[];
}

const cases = join(dirname(fileURLToPath(import.meta.url)), '../../cases/state/comparison');
const read = (name: string): string => readFileSync(join(cases, name), 'utf8');
const VALUES = [
  'new',
  'old',
  'modified',
  'unmodified',
  'modified.body',
  'modified.configs',
  'modified.persisted_descriptions',
  'modified.relation',
  'modified.macros',
  'modified.contract',
];
const edits = JSON.parse(read('edits.json')) as Edit[];
const golden = JSON.parse(read('expected/answers.json')) as {
  ids: string[];
  answers: ({ name: string } & Record<string, { ids?: number[]; error?: string; warnings?: string[] }>)[];
};

const folder = mkdtempSync(join(tmpdir(), 'state-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(
  join(folder, 'profiles.yml'),
  JSON.stringify({
    cases: {
      target: 'dev',
      outputs: {
        dev: {
          type: 'postgres',
          host: 'localhost',
          user: 'u',
          password: 'p',
          port: 1,
          dbname: 'db',
          schema: 'sch',
          threads: 1,
        },
      },
    },
  }),
);

function expected(name: string, value: string): Answer {
  const answer = golden.answers.find((each) => each.name === name)?.[value];
  if (answer === undefined) throw new Error(`no answer for ${name}: run tests/oracle/state.py again`);
  return answer.ids === undefined
    ? { error: answer.error ?? '' }
    : { ids: answer.ids.map((i) => golden.ids[i] ?? ''), warnings: answer.warnings ?? [] };
}

interface Parsed {
  readonly manifest: Manifest;
  readonly dag: Dag;
  readonly flags: { readonly [name: string]: unknown };
  readonly project: string;
}

async function parsed(edit: Edit, number: number): Promise<Parsed> {
  const project = join(folder, `p${number}`);
  cpSync(cases, project, { recursive: true });
  for (const [path, change] of Object.entries(edit.files ?? {})) {
    const file = join(project, path);
    if (change === null) rmSync(file);
    else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(
        file,
        textOf(change, () => readFileSync(file, 'utf8')),
      );
    }
  }
  const { flags: projectFlags = null } = loadYaml(readFileSync(join(project, 'dbt_project.yml'), 'utf8'), null) as {
    flags?: never;
  };
  const flags = resolveFlags('parse', { profiles_dir: folder, vars: edit.vars ?? {} }, {}, projectFlags);
  const logger = { fire: () => undefined };
  const { config, adapter } = await load({
    projectDir: project,
    cwd: project,
    env: edit.env ?? {},
    logger,
    now: () => 0,
    pid: 1,
    flags,
    invocation: { invocation_id: 'test', started_at: new Date('2026-01-02T03:04:05Z'), args: {}, command: 'parse' },
  });
  const manifest = parseProject({ config, files: readSourceFiles(config), adapter, logger, builtinMacros }).manifest;
  return { manifest, dag: buildGraph(manifest), flags, project };
}

function textOf(change: Exclude<Change, null>, before: () => string): string {
  if (typeof change === 'string') return change;
  if (!Array.isArray(change)) return change.repeat[0] + change.repeat[1].repeat(change.repeat[2]);
  return change.reduce((text, [from, to]) => text.replace(from, () => to), before());
}

const ENFORCED = new Set(['check', 'not_null', 'unique', 'primary_key', 'foreign_key']);
const stateIn = (path: string, flags: { readonly [name: string]: unknown }): PreviousState =>
  previousState({
    folder: path,
    projectRoot: '/',
    targetPath: join(path, 'target'),
    dbtVersion: '1.12.6',
    isRunning: () => false,
    enforcedConstraints: ENFORCED,
    now: Date.parse('2026-01-02'),
    flags,
  });

function chosen({ manifest, dag }: Parsed, criterion: string, state: PreviousState): Answer {
  let selection: Selection;
  try {
    selection = select(manifest, dag, {
      select: [criterion],
      includeEmpty: true,
      resourceTypes: resourceTypesFor('list', { include: ['all'] }),
      previousState: state,
    });
  } catch (error) {
    return { error: formatError(error) };
  }
  const warnings = selection.warnings
    .filter(({ name }) => name !== 'NoNodesForSelectionCriteria')
    .map(({ name, msg }) => `${name}: ${stripColors(msg)}`)
    .sort();
  return { ids: [...selection.selected].sort(), warnings };
}

/** Python writes members of its enumerations with their class. */
const inOurWords = ({ ids, error, warnings }: Answer): Answer => {
  const words = (text: string): string => stripColors(text).replaceAll('ConstraintType.', '');
  return ids === undefined ? { error: words(error ?? '') } : { ids, warnings: (warnings ?? []).map(words) };
};

beforeAll(async () => {
  mkdirSync(join(folder, 'dbt'));
  writeFileSync(join(folder, 'dbt/manifest.json'), read('expected/state.json'));
  mkdirSync(join(folder, 'ours'));
  const { manifest } = await parsed({ name: 'before' }, -1);
  writeFileSync(join(folder, 'ours/manifest.json'), artifactJson(manifest));
});

describe('the state: selector', () => {
  it.each(edits.map((edit, i) => [edit.name, edit, i] as const))(
    'selects what dbt selects after this edit: %s',
    async (name, edit, i) => {
      const project = await parsed(edit, i);
      const all = (path: string): unknown => {
        const state = stateIn(join(folder, path), project.flags);
        return Object.fromEntries(VALUES.map((value) => [value, inOurWords(chosen(project, `state:${value}`, state))]));
      };
      const wanted = Object.fromEntries(VALUES.map((value) => [value, inOurWords(expected(name, value))]));
      expect({ dbt: all('dbt'), ours: all('ours') }).toEqual({ dbt: wanted, ours: wanted });
      rmSync(project.project, { recursive: true });
    },
  );
});
