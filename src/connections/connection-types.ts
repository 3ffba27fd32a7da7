// Every type of connection in one setting: for secrets that are written in the file, for editors.
import { allSpecs } from '../adapters/credentials.ts';
import { dictionary } from '../settings/kinds.ts';
import { variants } from '../settings/record-settings.ts';
import { BROKER } from './kafka-connection.ts';
import { CATALOG } from './catalog.ts';
import { databaseSetting } from './database.ts';
import { STORE } from './store.ts';

export const CONNECTION = variants(
  'type',
  {
    kafka: BROKER,
    s3: STORE,
    iceberg: CATALOG,
    ...Object.fromEntries(allSpecs().map((spec) => [spec.type, databaseSetting(spec)])),
  },
  'kafka',
);

/** The connections by name. */
export const CONNECTIONS = dictionary(CONNECTION);
