// Formats the constraints of a contract as DDL, and determines which of them a database enforces.
import type { Adapter, Capabilities } from './adapter.ts';
import { TsdbtError } from '../errors.ts';
import { PyDict } from '../values/dict.ts';
import { iterate } from '../values/iterate.ts';
import { toRepr, toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import type { Value } from '../values/value.ts';

const TYPES = ['check', 'not_null', 'unique', 'primary_key', 'foreign_key', 'custom'] as const;
type ConstraintType = (typeof TYPES)[number];

interface ParsedConstraint {
  readonly type: ConstraintType;
  readonly name: string;
  readonly expression: string;
  readonly warnUnenforced: boolean;
  readonly warnUnsupported: boolean;
  readonly to: string;
  readonly toColumns: readonly string[];
  readonly columns: readonly string[];
}

type Quoting = Pick<Adapter, 'quote' | 'quoteWritten'>;

/**
 * Receives constraints that the database does not enforce: dbt's `ConstraintNotSupported` and `ConstraintNotEnforced`.
 */
export type ConstraintWarning = (event: 'ConstraintNotSupported' | 'ConstraintNotEnforced', constraint: string) => void;

/** `name data_type constraint …` of each column, for `adapter.render_raw_columns_constraints`. */
export function renderColumns(
  rawColumns: Value,
  names: Quoting,
  support: Capabilities['constraintSupport'],
  warn: ConstraintWarning,
): string[] {
  const columns = rawColumns instanceof PyDict ? [...rawColumns.values()] : [...iterate(rawColumns)];
  return columns.map((column) => {
    const field = (name: string): Value => (column instanceof PyDict ? (column.get(name) ?? null) : null);
    const name = toText(field('name'));
    const parts = [
      `${isTruthy(field('quote')) ? names.quote(name) : names.quoteWritten(name)} ${toText(field('data_type'))}`,
    ];
    for (const raw of iterate(field('constraints') ?? [])) {
      const text = process(parse(raw), support, warn, (constraint) => renderColumn(constraint, names));
      if (text !== null) parts.push(text);
    }
    return parts.join(' ');
  });
}

/** The constraints of a model, for `adapter.render_raw_model_constraints`. */
export function renderModel(
  rawConstraints: Value,
  names: Quoting,
  support: Capabilities['constraintSupport'],
  warn: ConstraintWarning,
): string[] {
  const render = (constraint: ParsedConstraint): string | null => renderModelConstraint(constraint, names);
  return [...iterate(rawConstraints)].flatMap((raw) => process(parse(raw), support, warn, render) ?? []);
}

function parse(raw: Value): ParsedConstraint {
  const fail = (): TsdbtError => new TsdbtError('validation', `Could not parse constraint: ${toRepr(raw)}`);
  if (!(raw instanceof PyDict)) throw fail();
  const text = (name: string): string => {
    const value = raw.get(name) ?? null;
    if (value !== null && typeof value !== 'string') throw fail();
    return value ?? '';
  };
  const list = (name: string): string[] => {
    const value = raw.get(name) ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw fail();
    return value.map(toText);
  };
  const type = TYPES.find((known) => known === raw.get('type'));
  if (type === undefined) throw fail();
  return {
    type,
    name: text('name'),
    expression: text('expression'),
    to: text('to'),
    toColumns: list('to_columns'),
    columns: list('columns'),
    warnUnenforced: raw.get('warn_unenforced') !== false,
    warnUnsupported: raw.get('warn_unsupported') !== false,
  };
}

function process(
  constraint: ParsedConstraint,
  support: Capabilities['constraintSupport'],
  warn: ConstraintWarning,
  render: (c: ParsedConstraint) => string | null,
): string | null {
  if (constraint.type === 'custom') return render(constraint);
  const level = support[constraint.type];
  if (constraint.warnUnsupported && level === 'not_supported') warn('ConstraintNotSupported', constraint.type);
  if (constraint.warnUnenforced && level === 'not_enforced') warn('ConstraintNotEnforced', constraint.type);
  return level === 'not_supported' ? null : render(constraint);
}

const listOf = (columns: readonly string[], { quoteWritten }: Quoting): string => columns.map(quoteWritten).join(', ');

function renderColumn({ type, expression, to, toColumns }: ParsedConstraint, names: Quoting): string | null {
  const text = ((): string => {
    switch (type) {
      case 'check':
        return expression === '' ? '' : `check (${expression})`;
      case 'not_null':
        return `not null ${expression}`;
      case 'unique':
        return `unique ${expression}`;
      case 'primary_key':
        return `primary key ${expression}`;
      case 'foreign_key':
        return to !== '' && toColumns.length > 0
          ? `references ${to} (${listOf(toColumns, names)})`
          : expression === ''
            ? ''
            : `references ${expression}`;
      case 'custom':
        return expression;
    }
  })();
  return text === '' ? null : text.trim();
}

function renderModelConstraint(constraint: ParsedConstraint, names: Quoting): string | null {
  const { type, name, expression, to, toColumns, columns } = constraint;
  const prefix = name === '' ? '' : `constraint ${names.quoteWritten(name)} `;
  const list = listOf(columns, names);
  const extra = expression === '' ? '' : ` ${expression}`;
  switch (type) {
    case 'check':
      return expression === '' ? null : `${prefix}check (${expression})`;
    case 'unique':
      return `${prefix}unique${extra} (${list})`;
    case 'primary_key':
      return `${prefix}primary key${extra} (${list})`;
    case 'foreign_key':
      if (to !== '' && toColumns.length > 0)
        return `${prefix}foreign key (${list}) references ${to} (${listOf(toColumns, names)})`;
      return expression === '' ? null : `${prefix}foreign key (${list}) references ${expression}`;
    case 'custom':
      return expression === '' ? null : `${prefix}${expression}`;
    case 'not_null':
      return null;
  }
}
