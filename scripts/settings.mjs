// Builds the tables of docs/, and the JSON Schemas that editors use, from the settings described in src/.
// scripts/docs.mjs writes the tables, scripts/build.mjs the schemas.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The exports of several modules of src/, merged. */
export async function exportsOf(...files) {
  const { outputFiles } = await build({
    stdin: { contents: files.map((file) => `export * from './${file}';`).join('\n'), resolveDir: root },
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    logLevel: 'warning',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
}

/** The settings by name. */
export const loadSettings = () => exportsOf(...MODULES);

const MODULES = [
  'src/connections/kafka-connection.ts',
  'src/connections/store.ts',
  'src/connections/catalog.ts',
  'src/connections/connection-types.ts',
  'src/serve/jobs/job-settings.ts',
  'src/serve/alerts/alert-settings.ts',
  'src/settings/meta-settings.ts',
  'src/settings/publication-settings.ts',
  'src/settings/load-settings.ts',
  'src/settings/record-settings.ts',
  'src/settings/unit-test-settings.ts',
  'src/settings/policy-settings.ts',
];

const code = (text) => `\`${text}\``;
const cell = (text) => text.replace(/(?<!\\)\|/g, '\\|');

/** A table of the keys of a record. @param keys some of them; by default all */
export function keyTable(record, keys = Object.keys(record.fields)) {
  return [
    '| Key | Type | Default | Meaning |',
    '|---|---|---|---|',
    ...keys.map((key) => {
      const { setting, shown, doc } = record.fields[key];
      return `| ${code(key)} | ${cell(setting.type)} | ${cell(shown)} | ${cell(doc)} |`.replace('|  |', '| |');
    }),
  ];
}

const without = (record, ...others) => {
  const left_out = others.flatMap((other) => (typeof other === 'string' ? [other] : Object.keys(other.fields)));
  return keyTable(
    record,
    Object.keys(record.fields).filter((key) => !left_out.includes(key)),
  );
};

/** The tables by page and part. */
export function settingsTables(s) {
  return {
    'settings.md': {
      'meta.tsdbt': keyTable(s.NODE_SETTINGS),
      columns: keyTable(s.COLUMN_SETTINGS),
      load: without(s.LOAD, { fields: s.CHANGE_FIELDS }, { fields: s.TABLE_FIELDS.ClickHouse }),
      'load of columns': keyTable(s.COLUMN_LOAD, ['from', 'path', 'epoch', 'years']),
      'load of changes': keyTable({ fields: s.CHANGE_FIELDS }),
      'load of avro columns': keyTable(s.COLUMN_LOAD, ['aliases', 'default']),
      'load on ClickHouse': keyTable({ fields: s.TABLE_FIELDS.ClickHouse }),
      flush: keyTable(s.FLUSH),
      sync: keyTable(s.SYNC),
      archive: keyTable(s.ARCHIVE),
      test_slice: keyTable(s.TEST_SLICE),
      freshness: keyTable(s.MODEL_FRESHNESS),
      connections: keyTable(s.BROKER),
      'object stores': keyTable(s.STORE),
      catalogs: without(s.CATALOG, s.STORE),
      tls: keyTable(s.TLS_FILES),
      'sasl by password': keyTable(s.BY_PASSWORD),
      'sasl by token': keyTable(s.BY_TOKEN),
      registry: keyTable(s.REGISTRY),
    },
    'unit-tests.md': {
      'unit tests': keyTable(s.UNIT_TEST_SETTINGS),
      'unit tests of macros': keyTable(s.MACRO_UNIT_TEST),
    },
    'jobs.md': {
      'what a job does': keyTable(s.JOB, [
        'exclude',
        'selector',
        'vars',
        'full_refresh',
        'if_changed',
        'reuse',
        'owner',
        'description',
        'sla',
      ]),
      'due times': keyTable(s.DEFAULTS, ['timeout', 'retries', 'overlap', 'catch_up', 'window']),
    },
    'publish.md': { publish: keyTable(s.PUBLICATION) },
    'policies.md': { policies: keyTable(s.POLICY) },
    'alerts.md': { channels: without(s.SLACK, 'slack') },
  };
}

/** Models, seeds, snapshots and sources in the files of properties: only what is below `meta.tsdbt`. */
function propertiesSchema(s) {
  const entries = (own, more = {}) => {
    const meta = { type: 'object', properties: { tsdbt: own } };
    const config = { type: 'object', properties: { meta } };
    return { type: 'array', items: { type: 'object', properties: { meta, config, ...more } } };
  };
  const columns = entries(s.COLUMN_SETTINGS.schema());
  const node = s.NODE_SETTINGS.schema();
  const nodes = entries(node, { columns });
  const unit_tests = entries(s.UNIT_TEST_SETTINGS.schema());
  const macros = entries(s.MACRO_SETTINGS.schema());
  return {
    type: 'object',
    properties: {
      models: nodes,
      seeds: nodes,
      snapshots: nodes,
      unit_tests,
      macros,
      sources: entries(node, { tables: nodes }),
    },
  };
}

/** The JSON Schemas by file name. */
export function schemaFiles(s) {
  const draft = 'http://json-schema.org/draft-07/schema#';
  const file = (title, schema) => ({ $schema: draft, title, ...schema });
  const connections = s.CONNECTIONS.schema();
  return {
    'jobs.json': file('jobs.yml of tsdbt', s.JOBS_YML.schema()),
    'policies.json': file('policies.yml of tsdbt', s.POLICIES_YML.schema()),
    'properties.json': file('meta.tsdbt in property files', propertiesSchema(s)),
    'connections.json': file('connections.yml of tsdbt', {
      allOf: [
        { if: { required: ['connections'] }, else: connections },
        {
          if: { not: { required: ['connections'] } },
          else: { properties: { connections }, additionalProperties: false },
        },
      ],
    }),
  };
}
