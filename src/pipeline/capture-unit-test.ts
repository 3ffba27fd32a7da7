// unit-test capture: a unit test whose inputs are rows of the database, and whose expected rows are what the model
// makes of them. Personal data is hashed before the model reads it.
import { randomBytes } from 'node:crypto';
import type { ColumnDescription, Session, UnitTestSql } from '../adapters/adapter.ts';
import { compileNode } from '../compiler/compile.ts';
import type { Json, ManifestNode, ModelNode, SourceDefinition, UnitTestNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { keyedHash } from '../keyed-hash.ts';
import { createRunContext, type RunContext } from '../runner/context.ts';
import { inlineNode } from '../runner/inline-node.ts';
import { actualRows } from '../runner/kinds/unit-test.ts';
import { lookupNode, nodeWithRows } from '../runner/nodes.ts';
import { openSession } from '../runner/open-session.ts';
import { macroTexts } from '../runner/reuse/fingerprint.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { toText, type Value } from '../values/index.ts';
import { personalColumns } from './project-policies.ts';

export interface CaptureOptions {
  readonly name: string;
  /** Most rows of each input. */
  readonly rows: number;
  /** A SQL condition on the rows of an input, or of all. */
  readonly where: { readonly input: string | null; readonly condition: string | null };
  /** The time of the test, if the model reads the clock. */
  readonly now: string;
}

/** An entry of `unit_tests:`. */
export type CapturedTest = Pick<UnitTestNode, 'name' | 'model'> & { readonly [key: string]: Json };

/** What reads the clock in a template. */
const TEMPLATE_CLOCK = /run_started_at|modules\.datetime/;

type Row = { readonly [column: string]: Json };
type Input = ManifestNode | SourceDefinition;

/** @throws {TsdbtError} if an input cannot be read, or the model fails on the rows */
export async function captureUnitTest(
  parsed: ParsedProject,
  model: ModelNode,
  { name, rows, where, now }: CaptureOptions,
): Promise<CapturedTest> {
  const inputs = inputsOf(parsed, model);
  const names = inputs.map((each) => each.name);
  if (where.input !== null && !names.includes(where.input))
    throw errorOf('captureUnknownInput', { input: where.input, known: names.join(', ') });
  const isPersonal = await personalColumns(
    parsed,
    inputs.map((each) => each.unique_id),
  );
  const hash = keyedHash(randomBytes(32).toString('hex'));
  // Nothing is written to target/.
  const ctx = { ...createRunContext(parsed, new Set([model.unique_id])), write: () => undefined };
  const { fixtureArray, withFixedClock } = ctx.adapter.unitTests;
  const session = openSession(ctx, `capture ${model.name}`, model);
  try {
    const given: { input: string; rows: Row[] }[] = [];
    for (const input of inputs) {
      const text = referenceTo(model, input);
      const condition = where.input === null || where.input === input.name ? where.condition : null;
      const sql = `select * from {{ ${text} }}${condition === null ? '' : `\nwhere ${condition}`}\nlimit ${rows}`;
      const table = await read(ctx, sql, session);
      const cells = new Cells(fixtureArray, table.described);
      const rowOf = (row: readonly Value[]): Row =>
        Object.fromEntries(
          table.columns.map((column, i) => {
            const value = row[i] ?? null;
            return [
              column,
              isPersonal(input.unique_id, column) ? cells.hidden(column, value, hash) : cells.of(column, value),
            ];
          }),
        );
      given.push({ input: text, rows: table.rows.map(rowOf) });
    }
    const incremental = model.depends_on.macros.some((id) => id.endsWith('.is_incremental'));
    const overrides = incremental ? { overrides: { macros: { is_incremental: false } } } : {};
    const versions = model.version === null ? {} : { versions: { include: [model.version] } };
    const test = { name, model: model.name, ...versions, ...overrides, given };
    const templates = [model.raw_code, ...macroTexts(ctx, model.depends_on.macros)];
    let config = {};
    const tested = await actualRows(ctx, nodeOf(model, test), session, (sql) => {
      const readsClock = templates.some((each) => TEMPLATE_CLOCK.test(each)) || withFixedClock(sql, 0n) !== sql;
      if (readsClock) config = { config: { meta: { tsdbt: { now } } } };
      return nodeOf(model, { ...test, ...config });
    });
    const { columns, rows: expected } = tested;
    const cells = new Cells(fixtureArray, await session.describe(tested.sql));
    const expect = {
      rows: expected.map((row) =>
        Object.fromEntries(columns.map((column, i) => [column, cells.of(column, row[i] ?? null)])),
      ),
    };
    const written = given.map((each) => ({ ...each, rows: each.rows.map(withoutTemplates) }));
    return { ...test, given: written, ...config, expect: { rows: expect.rows.map(withoutTemplates) } };
  } finally {
    await session.release();
  }
}

/** The nodes that the model reads. @throws {TsdbtError} usage, if there are none */
function inputsOf({ manifest }: ParsedProject, model: ModelNode): Input[] {
  const inputs = model.depends_on.nodes.flatMap((id) => nodeWithRows(lookupNode(manifest, id)) ?? []);
  if (inputs.length === 0) throw errorOf('captureWithoutInputs', { model: model.name });
  return inputs;
}

function referenceTo(model: ModelNode, input: Input): string {
  if (input.resource_type === 'source') return `source(${quoted(input.source_name)}, ${quoted(input.name)})`;
  const of = input.package_name === model.package_name ? '' : `'${input.package_name}', `;
  const version =
    input.resource_type === 'model' && input.version !== null ? `, version=${JSON.stringify(input.version)}` : '';
  return `ref(${of}'${input.name}'${version})`;
}

interface InputRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
  readonly described: readonly ColumnDescription[];
}

async function read(ctx: RunContext, sql: string, session: Session): Promise<InputRows> {
  const { compiled_code: code } = await compileNode(ctx, inlineNode(ctx, sql), session, { write: false });
  const { table } = await session.execute(code ?? '', { fetch: true });
  const described = await session.describe(code ?? '');
  return { columns: table.columnNames, rows: table.rows.map(({ values }) => values), described };
}

/** Types of columns that hold any text. */
const TEXT_TYPE = /^(?:STRING|(?:(?:LowCardinality|Nullable)\()*String\)*)$/;

/** Writes values as fixtures have them. */
class Cells {
  readonly #array: UnitTestSql['fixtureArray'];
  readonly #texts: ReadonlySet<string>;
  /** Columns of arrays, whose values are JSON. */
  readonly #arrays: ReadonlySet<string>;

  constructor(array: UnitTestSql['fixtureArray'], described: readonly ColumnDescription[]) {
    this.#array = array;
    this.#texts = new Set(
      described.flatMap(({ name, typeName }) => (TEXT_TYPE.test(typeName) ? name.toLowerCase() : [])),
    );
    this.#arrays = new Set(
      described.flatMap(({ name, typeName }) => (/^Array\(|ARRAY$/.test(typeName) ? name.toLowerCase() : [])),
    );
  }

  of(column: string, value: Value): Json {
    if (value === null || typeof value === 'boolean') return value;
    const text = toText(value);
    if (this.#arrays.has(column.toLowerCase())) {
      const items: unknown = JSON.parse(text);
      return Array.isArray(items) ? this.#array(items) : text;
    }
    const isNumber = /^-?\d+(?:\.\d+)?$/.test(text) && typeof value !== 'string';
    return isNumber && String(Number(text)) === text ? Number(text) : text;
  }

  /** A hash in the place of a text, a number of as many digits in the place of a number, null in that of others. */
  hidden(column: string, value: Value, hash: (text: string) => string): Json {
    if (value === null || typeof value === 'boolean') return null;
    if (typeof value === 'string') return this.#texts.has(column.toLowerCase()) ? hash(value).slice(0, 16) : null;
    const [digits] = /^-?(\d+)(?:\.\d+)?$/.exec(toText(value))?.slice(1) ?? [];
    if (digits === undefined) return null;
    return Number.parseInt(hash(toText(value)).slice(0, 12), 16) % 10 ** Math.min(digits.length, 14);
  }
}

/** Quotes texts that YAML files would render as templates: rows are data, which anyone may have written. */
function withoutTemplates(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, withoutTemplate(value)]));
}

function withoutTemplate(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutTemplate);
  if (typeof value !== 'string' || !/\{[{%#]/.test(value)) return value;
  return `{{ ${quoted(value)} }}`;
}

/** A string of Jinja. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function nodeOf(
  model: ModelNode,
  test: {
    name: string;
    given: readonly { input: string; rows: readonly Row[] }[];
    config?: object;
    overrides?: object;
  },
): UnitTestNode {
  const given = test.given.map(({ input, rows }) => ({
    input,
    rows: [...rows],
    format: 'dict' as const,
    fixture: null,
  }));
  return {
    model: model.name,
    name: test.name,
    given,
    expect: { rows: [], format: 'dict', fixture: null },
    resource_type: 'unit_test',
    package_name: model.package_name,
    path: model.path,
    original_file_path: model.original_file_path,
    unique_id: `unit_test.${model.package_name}.${model.name}.${test.name}`,
    fqn: [...model.fqn, test.name],
    description: '',
    overrides: { macros: {}, vars: {}, env_vars: {}, ...test.overrides },
    depends_on: { macros: [], nodes: [model.unique_id] },
    config: { tags: [], meta: {}, enabled: true, ...test.config },
    checksum: null,
    schema: null,
    created_at: 0,
    versions: null,
    version: model.version,
  };
}
