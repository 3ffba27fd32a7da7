// Errors of publications: their settings, and what a target connection rejects.
import { type Facts, row } from './row.ts';

export const PUBLISH_ERRORS = {
  badPublication: row<Facts<'of' | 'what'>>('T2080', 'parsing', (f) => `Publication of ${f.of}: ${f.what}.`),
  connectionGone: row<Facts<'connection' | 'path'>>(
    'T1218',
    'profile',
    (f) => `There is no connection '${f.connection}' in ${f.path}`,
  ),
  notPublished: row<Facts<'place' | 'why'>>('T3070', 'runtime', (f) => `'${f.place}' is not published: ${f.why}`),
  foreignTable: row<Facts<'place' | 'what'>>(
    'T3071',
    'runtime',
    (f) => `'${f.place}' is not published: ${f.what}, and is not overwritten.`,
    () => "Set 'adopt: true' to take it over.",
  ),
  typeNotPublished: row<Facts<'column' | 'type' | 'receiver' | 'why'>>(
    'T3072',
    'runtime',
    (f) => `Column '${f.column}' of type ${f.type} cannot be published to ${f.receiver}: ${f.why}`,
  ),
  valuesNotPublished: row<Facts<'column' | 'count' | 'why' | 'example'>>(
    'T3073',
    'runtime',
    (f) => `Column '${f.column}' has ${f.count} that cannot be published, such as ${f.example}: ${f.why}`,
  ),
  publishedColumnMissing: row<Facts<'option' | 'column' | 'columns'>>(
    'T3074',
    'runtime',
    (f) => `'${f.option}' of the publication contains the column '${f.column}', which does not exist`,
    (f) => `Columns: ${f.columns}.`,
  ),
  keyNotUnique: row<Facts<'key' | 'example'>>(
    'T3075',
    'runtime',
    (f) => `The key ${f.key} of the publication is not unique: ${f.example}`,
    () => 'Add a unique test to the model to detect this earlier.',
  ),
  icebergFileUnread: row<Facts<'place' | 'file' | 'why'>>(
    'T3076',
    'runtime',
    (f) => `The file ${f.file} of '${f.place}' cannot be read: ${f.why}`,
  ),
  orphansNotRemoved: row<Facts<'place' | 'why'>>(
    'T3077',
    'runtime',
    (f) => `No files of '${f.place}' are removed: ${f.why}`,
  ),
};
