// debug: checks project, profile and connection one by one with dbt's messages, then the connections of
// connections.yml, one line each. Changes nothing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { release, type } from 'node:os';
import { join, resolve } from 'node:path';
import { formatError, TsdbtError } from '../../errors.ts';
import { fire } from '../../events/index.ts';
import { adapterVersion, load, type LoadedProject, openAdapter } from '../../index.ts';
import type { LakeConnection } from '../../connections/catalog.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import type { RuntimeConfig } from '../../contracts/project.ts';
import { green, pluralize, red } from '../../log.ts';
import { profilesPlace } from '../../project/profile.ts';
import { readRawProject } from '../../project/project.ts';
import { DBT_VERSION } from '../../project/versions.ts';
import { toText } from '../../values/index.ts';
import { type CommandSession, now } from '../command-session.ts';
import {
  connectionNames,
  connectionType,
  readCatalog,
  readConnection,
  readDatabase,
  readStore,
} from '../read-connection.ts';
import { TSDBT_VERSION } from '../version.ts';

interface Check {
  readonly shown: string;
  readonly problem: string | null;
}

const fine = (text: string): Check => ({ shown: green(text), problem: null });
const broken = (text: string, problem: string): Check => ({ shown: red(text), problem });

export async function debugCommand(session: CommandSession): Promise<boolean> {
  const { flags, cwd, env, projectDir, logger } = session;
  const say = (msg: string): void => fire(logger, 'DebugCmdOut', { msg });
  const conclude = (msg: string): void => fire(logger, 'DebugCmdResult', { msg });
  const profilesDir = profilesPlace(cwd, env, flags.profiles_dir ?? undefined).directory;
  if (flags['config_dir'] === true) {
    const open = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'start' : 'xdg-open';
    fire(logger, 'OpenCommand', { open_cmd: open, profiles_dir: profilesDir });
    return true;
  }
  say(`dbt version: ${DBT_VERSION}`);
  say(`tsdbt version: ${TSDBT_VERSION}`);
  say(`node version: ${process.versions.node}`);
  say(`node path: ${process.execPath}`);
  say(`os info: ${type()} ${release()} ${process.arch}`);
  const profilePath = join(profilesDir, 'profiles.yml');
  const projectPath = join(projectDir, 'dbt_project.yml');
  say(`Using profiles dir at ${profilesDir}`);
  say(`Using profiles.yml file at ${profilePath}`);
  say(`Using dbt_project.yml file at ${projectPath}`);
  const { loaded, profile, project } = await checkFiles(session, projectPath, resolve(cwd, profilePath), profilePath);
  if (loaded !== null) {
    say(`adapter type: ${loaded.adapter.type}`);
    say(`adapter version: ${adapterVersion(loaded.adapter.type)}`);
  }
  const checks = [profile, project];
  if (flags['connection'] === true) say('Skipping steps before connection verification');
  else {
    say('Configuration:');
    say(`  profiles.yml file [${profile.shown}]`);
    say(`  dbt_project.yml file [${project.shown}]`);
    const git = checkGit(cwd);
    checks.push(git);
    say('Required dependencies:');
    conclude(` - git [${git.shown}]\n`);
  }
  checks.push(await checkConnection(loaded, say));
  if (loaded !== null) checks.push(...(await checkConnections(session, loaded, say)));
  const problems = checks.flatMap((c) => (c.problem === null ? [] : [c.problem]));
  if (problems.length === 0) {
    conclude(green('All checks passed!'));
    return true;
  }
  conclude(red(`${pluralize(problems.length, 'check')} failed:`));
  for (const problem of problems) conclude(`${problem}\n`);
  return false;
}

async function checkFiles(
  session: CommandSession,
  projectPath: string,
  profilePath: string,
  shownPath: string,
): Promise<{ loaded: LoadedProject | null; profile: Check; project: Check }> {
  const { cwd, env, templateEnv, flags, invocation, logger, projectDir, secrets } = session;
  const reason = (what: string, text: string): string => `${what} loading failed for the following reason:\n${text}\n`;
  if (!existsSync(projectPath)) {
    const missing = broken(
      'ERROR not found',
      `Project loading failed for the following reason:\n project path <${projectPath}> not found`,
    );
    return {
      loaded: null,
      profile: existsSync(profilePath)
        ? broken('ERROR invalid', reason('Could not load dbt_project.yml\nProfile', 'no profile is named'))
        : missingProfile(shownPath),
      project: missing,
    };
  }
  try {
    const loaded = await load({ cwd, env, templateEnv, flags, invocation, logger, secrets, now, pid: process.pid });
    session.onEnd(() => loaded.adapter.close());
    const profile =
      loaded.config.profile.profiles_dir === null
        ? fine('OK not needed: the embedded server is used')
        : fine('OK found and valid');
    return { loaded, profile, project: fine('OK found and valid') };
  } catch (error) {
    // dbt also ends with exit code 2 if a value of the project cannot be rendered.
    if (!(error instanceof TsdbtError) || error.kind === 'compilation') throw error;
    const ofProfile = error.kind === 'profile' || /profile/i.test(error.message);
    if (ofProfile) {
      const profile = existsSync(profilePath)
        ? broken('ERROR invalid', reason('Profile', formatError(error)))
        : missingProfile(shownPath);
      return { loaded: null, profile, project: projectReadable(projectDir) };
    }
    return {
      loaded: null,
      profile: existsSync(profilePath) ? fine('OK found and valid') : missingProfile(shownPath),
      project: broken('ERROR invalid', reason('Project', formatError(error))),
    };
  }
}

function missingProfile(path: string): Check {
  return broken(
    'ERROR not found',
    `dbt looked for a profiles.yml file in ${path}, but did\nnot find one. For more information on configuring ` +
      'your profile, consult the\ndocumentation:\n\nhttps://docs.getdbt.com/docs/configure-your-profile\n',
  );
}

function projectReadable(projectDir: string): Check {
  try {
    readRawProject(projectDir);
    return fine('OK found and valid');
  } catch (error) {
    return broken('ERROR invalid', `Project loading failed for the following reason:\n${formatError(error)}\n`);
  }
}

function checkGit(cwd: string): Check {
  const done = spawnSync('git', ['--help'], { cwd, stdio: 'ignore' });
  return done.error === undefined ? fine('OK found') : broken('ERROR', `Error from git --help: ${done.error.message}`);
}

async function checkConnection(loaded: LoadedProject | null, say: (msg: string) => void): Promise<Check> {
  if (loaded === null) {
    say('Connection test skipped since no profile was found');
    return { shown: red('SKIPPED'), problem: null };
  }
  let check = fine('OK connection ok');
  try {
    await loaded.adapter.check();
  } catch (error) {
    const text = formatError(error);
    check = broken(
      'ERROR',
      'dbt was unable to connect to the specified database.\nThe database returned the following error:\n\n  ' +
        `>${text}\n\nCheck your database credentials and try again. For more information, visit:\n` +
        'https://docs.getdbt.com/docs/configure-your-profile\n',
    );
  } finally {
    await loaded.adapter.close();
  }
  // From here on the address of an embedded server is known.
  say('Connection:');
  for (const [key, value] of loaded.adapter.connectionInfo()) say(`  ${key}: ${toText(value)}`);
  say(`  Connection test: [${check.shown}]\n`);
  return check;
}

/**
 * Checks the brokers and registries of connections.yml, or the named connection. Does nothing if the file does not
 * exist.
 */
async function checkConnections(
  session: CommandSession,
  { config }: LoadedProject,
  say: (msg: string) => void,
): Promise<readonly Check[]> {
  const [named] = session.positional;
  const file = connectionNames(config);
  if (file === null && named === undefined) return [];
  const checks: Check[] = [];
  if (file !== null) say(`Connections of ${file.path}:`);
  for (const name of named === undefined ? (file?.names ?? []) : [named]) {
    let check: Check;
    try {
      check = fine(`OK ${await reach(session, config, name)}`);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      check = broken('ERROR', `Connection '${name}' failed:\n${formatError(error)}`);
    }
    checks.push(check);
    say(`  ${name}: [${check.shown}]`);
  }
  say('');
  return checks;
}

/** @returns a description of what was found @throws the error of the broker, registry, store or database */
async function reach(session: CommandSession, config: RuntimeConfig, name: string): Promise<string> {
  switch (connectionType(session, config, name)) {
    case 's3':
      return reachStore(await readStore(session, config, name));
    case 'iceberg':
      return reachCatalog(readCatalog(session, config, name));
    case 'kafka':
      return reachBroker(session, config, name);
    default:
      return reachDatabase(session, config, name);
  }
}

async function reachStore(store: ObjectStore): Promise<string> {
  const { endpoint, bucket } = store.settings;
  try {
    await store.check();
  } finally {
    store.close();
  }
  return `${endpoint}, bucket ${bucket}`;
}

/** The first publication creates a missing namespace. */
async function reachCatalog({ catalog, store, namespace }: LakeConnection): Promise<string> {
  const [{ namespacePath, RestCatalog }, { s3Store }] = await Promise.all([
    import('../../object-store/rest-catalog.ts'),
    import('../../object-store/s3-store.ts'),
  ]);
  await new RestCatalog(catalog).ask('GET', namespacePath(namespace.split('.')), undefined, [404]);
  return `${catalog.uri}, ${await reachStore(s3Store(store))}`;
}

async function reachDatabase(session: CommandSession, config: RuntimeConfig, name: string): Promise<string> {
  const profile = readDatabase(session, config, name);
  const adapter = await openAdapter({ ...config, profile }, session.env, session.logger);
  try {
    await adapter.check();
  } finally {
    await adapter.close();
  }
  return adapter.type;
}

async function reachBroker(session: CommandSession, config: RuntimeConfig, name: string): Promise<string> {
  const { signal } = session;
  const connection = readConnection(session, config, name);
  const { kafkaClient } = await import('../../loader/brokers/kafka/kafka-client.ts');
  const client = await kafkaClient(connection, 'tsdbt.debug');
  const close = (): void => void client.close();
  signal.addEventListener('abort', close, { once: true });
  const found = [connection.brokers.join(', ')];
  try {
    found.push(pluralize((await client.matching(/^/)).length, 'topic'));
  } finally {
    signal.removeEventListener('abort', close);
    await client.close();
  }
  if (connection.registry !== null) {
    const { SchemaRegistry } = await import('../../loader/formats/schema-registry.ts');
    const subjects = await new SchemaRegistry(connection.registry, connection.path).subjects();
    found.push(`registry with ${pluralize(subjects, 'subject')}`);
  }
  return found.join(', ');
}
