// What is said of catalogs.yml; the words are dbt 1.12.6's, seen by running it on Postgres.
import { PROJECT, type Row, stopped } from './bad-input.ts';

/** A row from the file's text and the message below dbt's heading. @param second sets the flag of dbt's second form */
function catalogs(name: string, file: string, why: readonly string[], second = false): Row {
  const project = second ? `${PROJECT}flags: {use_catalogs_v2: true}\n` : PROJECT;
  const files = { 'dbt_project.yml': project, 'models/a.sql': 'select 1 as id', 'catalogs.yml': file };
  return { name, exit: 2, files, says: stopped('Runtime Error', ...why.map((line) => `  ${line}`)) };
}

const written = (integrations: string, more = ''): string =>
  `catalogs:\n  - name: lake${more}\n    write_integrations: [${integrations}]\n`;
const twice = (...names: string[]): string => names.map((name) => `{name: ${name}, catalog_type: iceberg}`).join(', ');
const entry = '{name: lake, type: glue, table_format: iceberg, config: {}}';

export const CATALOGS: readonly Row[] = [
  catalogs('a catalog, which neither adapter can write through', written('{name: w, catalog_type: "{{ \'ice\' }}"}'), [
    'Catalog type is not supported.',
    'Received: ice',
    'Expected one of: ',
    'Neither adapter writes through a catalog: remove catalogs.yml; `publications` write Iceberg tables.',
  ]),
  catalogs('two integrations of one name in a catalog', written(twice('w', 'w')), [
    "Catalog 'lake' cannot have multiple 'write_integrations' with the same name: 'w'.",
  ]),
  catalogs('two integrations of which none is active', written(twice('w', 'x')), [
    "Catalog 'lake' must specify an 'active_write_integration' when multiple 'write_integrations' are provided.",
  ]),
  catalogs('an active integration that is not there', written(twice('w', 'x'), '\n    active_write_integration: y'), [
    "Catalog 'lake' must specify an 'active_write_integration' from its set of defined 'write_integrations': " +
      "['w', 'x']. Got: 'y'.",
  ]),
  catalogs('an integration without a type', written('{name: w}'), [
    "A catalog of catalogs.yml is not valid at path ['write_integrations'][0]: 'catalog_type' is a required property",
  ]),
  catalogs(
    'two catalogs of one name in the second form',
    `catalogs: [${entry}, ${entry}]\n`,
    ["Duplicate catalog name 'lake' in catalogs.yml"],
    true,
  ),
  catalogs(
    'another table format in the second form',
    'catalogs: [{name: lake, type: glue, table_format: csv, config: {}}]\n',
    ["Invalid table_format 'csv'. Must be one of ['default', 'iceberg']"],
    true,
  ),
  catalogs(
    'a catalog without config in the second form',
    'catalogs: [{name: lake, type: glue, table_format: iceberg}]\n',
    ["Missing required keys in catalog entry: ['config']"],
    true,
  ),
];
