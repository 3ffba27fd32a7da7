// Wrong settings below `meta.tsdbt`, and the error that each causes.
import { type Row, stopped } from './bad-input.ts';

export const META: readonly Row[] = [
  {
    name: 'a misspelled key below meta.tsdbt',
    exit: 2,
    files: {
      'models/a.sql': 'select 1 as a',
      'models/s.yml': 'models:\n  - name: a\n    config: {meta: {tsdbt: {audti: true}}}\n',
    },
    says: stopped(
      'Parsing Error',
      "  unknown key 'meta.tsdbt.audti' of model.p.a",
      '    models/s.yml line 3, column 29',
      '          config: {meta: {tsdbt: {audti: true}}}',
      '                                  ^',
      "  did you mean 'audit'? Keys: audit, batch_size, batch_tests, freshness, ledger, load, max_age, " +
        'null_safe_keys, publish, retries, sla, test_slice, timeout.',
    ),
  },
  {
    name: 'a misspelled key below meta.tsdbt of a column of a source',
    exit: 2,
    files: {
      'models/s.yml':
        'sources:\n  - name: s\n    tables:\n      - name: t\n        columns:\n' +
        '          - {name: c, meta: {tsdbt: {secert: true}}}\n',
    },
    says: stopped(
      'Parsing Error',
      "  unknown key 'meta.tsdbt.secert' of column c of source.p.s.t",
      '    models/s.yml line 6, column 38',
      '                - {name: c, meta: {tsdbt: {secert: true}}}',
      '                                           ^',
      "  did you mean 'secret'? Keys: cleared, load, secret.",
    ),
  },
  {
    name: 'null_safe_keys that is a text',
    exit: 2,
    files: {
      'models/a.sql':
        "{{ config(materialized='incremental', meta={'tsdbt': {'null_safe_keys': 'yes'}}) }} select 1 as a",
    },
    says: stopped(
      'Parsing Error in models/a.sql',
      '  \'meta.tsdbt.null_safe_keys\' of model.p.a must be true or false, found "yes"',
    ),
  },
  {
    name: 'a column of a source that is secret by a text',
    exit: 2,
    files: {
      'models/s.yml':
        'sources:\n  - name: s\n    tables:\n      - name: t\n        columns:\n' +
        "          - {name: c, meta: {tsdbt: {secret: 'yes'}}}\n",
    },
    says: stopped(
      'Parsing Error',
      '  \'meta.tsdbt.secret\' of column c of source.p.s.t must be true or false, found "yes"',
      '    models/s.yml line 6, column 38',
      "                - {name: c, meta: {tsdbt: {secret: 'yes'}}}",
      '                                           ^',
    ),
  },
];
