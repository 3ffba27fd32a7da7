// Opens the connections of connections.yml that publications use. The file is rendered like profiles.yml and has the
// keys of a target there. src/publish publishes.
import { createAdapter } from '../adapters/index.ts';
import { catalogConnection } from '../connections/catalog.ts';
import { connectionsPath, renderConnection, writtenConnections } from '../connections/connections-file.ts';
import { CONNECTION } from '../connections/connection-types.ts';
import { databaseConnection } from '../connections/database.ts';
import { connectionEntry, refuseWritten } from '../connections/entry.ts';
import { storeConnection } from '../connections/store.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { note } from '../events/index.ts';
import type { Logger } from '../log.ts';
import type { RenderYamlText } from '../project/renderer.ts';
import { RECEIVER_KINDS } from '../publish/target-kinds.ts';
import { Receivers } from '../publish/open-targets.ts';
import type { Secrets } from '../secrets.ts';

/** The connections of a command. Nothing is opened or read before the first is requested. */
export function receiversOf(
  config: RuntimeConfig,
  env: Readonly<Record<string, string | undefined>>,
  render: RenderYamlText,
  secrets: Secrets,
  logger: Logger,
): Receivers {
  return new Receivers(async (name) => {
    const file = writtenConnections(config);
    const written = file?.connections[name];
    if (file === null || written === undefined)
      throw errorOf('connectionGone', { connection: name, path: connectionsPath(config) });
    refuseWritten(CONNECTION, { [name]: written }, file.path, file.placeOf);
    const rendered = renderConnection(written, file.path, config, render);
    const seen = (secret: string): void => secrets.add(secret);
    const entry = connectionEntry({ [name]: rendered }, name, file.path, seen, file.placeOf, file.folder);
    // Node's HTTP is loaded only for connections that use it: most commands publish nothing.
    if (entry.type === 's3') {
      const { s3Store } = await import('../object-store/s3-store.ts');
      return { type: 's3', store: s3Store(storeConnection(entry)) };
    }
    if (entry.type === 'iceberg') {
      const { catalog, store, namespace } = catalogConnection(entry);
      const [{ RestCatalog }, { s3Store }] = await Promise.all([
        import('../object-store/rest-catalog.ts'),
        import('../object-store/s3-store.ts'),
      ]);
      return { type: 'iceberg', catalog: new RestCatalog(catalog), store: s3Store(store), namespace };
    }
    const [, schema = 'public'] = RECEIVER_KINDS.get(entry.type)?.schema ?? [];
    const profile = databaseConnection({ ...entry, options: { schema, ...entry.options } });
    secrets.addProfile(profile.credentials);
    const adapter = await createAdapter(profile, {
      quoting: {},
      threads: Math.max(profile.threads, config.flags.threads ?? config.profile.threads),
      projectDir: config.project.project_root,
      env,
      notify: (msg) => note(logger, msg),
    });
    return { type: 'database', adapter, schema: profile.credentials.schema };
  });
}
