// Postgres's rules for relation names. ../relation.ts renders and compares.
import { DEFAULT_POLICY } from '../relation-path.ts';
import { DEFAULT_TYPES } from '../relation-statics.ts';
import type { RelationDialect } from '../relation-dialect.ts';
import { quoteIdentifier } from './literal.ts';
import { materializedViewChanges } from './materialized-view.ts';

/** NAMEDATALEN - 1: the server truncates longer names silently. */
export const MAX_IDENTIFIER = 63;

export const POSTGRES_RELATION: RelationDialect = {
  className: 'PostgresRelation',
  typeName: 'dbt.adapters.postgres.relation.PostgresRelation',
  quoteCharacter: '"',
  quote: quoteIdentifier,
  quotePolicy: DEFAULT_POLICY,
  includePolicy: DEFAULT_POLICY,
  requireAlias: true,
  types: DEFAULT_TYPES,
  renameable: ['view', 'table'],
  replaceable: ['view', 'table'],
  maxIdentifier: MAX_IDENTIFIER,
  materializedViewChanges,
};
