// Reads the environment variables of OpenLineage's clients: destination, names, and the parent run. Invalid settings
// are reported and ignored: lineage never fails a run.

export interface ParentRun {
  readonly namespace: string;
  readonly job: string;
  readonly runId: string;
}

export type LineageTarget =
  | { readonly kind: 'http'; readonly url: string; readonly apiKey: string | null }
  /** Appends one event per line. */
  | { readonly kind: 'file'; readonly path: string };

export interface LineageSettings {
  readonly target: LineageTarget;
  /** Namespace of jobs. */
  readonly namespace: string;
  /** Job name of the run; null: `dbt-run-` and the project's name. */
  readonly jobName: string | null;
  readonly parent: ParentRun | null;
  readonly root: ParentRun | null;
}

export type LineageEnvironment = Readonly<Record<string, string | undefined>>;

const ENDPOINT = 'api/v1/lineage';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * @param warn called with each problem
 * @returns null if no events are requested
 */
export function readLineageSettings(env: LineageEnvironment, warn: (text: string) => void): LineageSettings | null {
  if (/^(true|1)$/i.test(env['OPENLINEAGE_DISABLED'] ?? '')) return null;
  const target = targetOf(env, warn);
  if (target === null) return null;
  const parent = parentOf('OPENLINEAGE_PARENT_ID', env, warn);
  return {
    target,
    namespace: env['OPENLINEAGE_NAMESPACE'] || 'dbt',
    jobName: env['OPENLINEAGE_DBT_JOB_NAME'] || null,
    parent,
    root: parent === null ? null : (parentOf('OPENLINEAGE_ROOT_PARENT_ID', env, warn) ?? parent),
  };
}

function targetOf(env: LineageEnvironment, warn: (text: string) => void): LineageTarget | null {
  const type = env['OPENLINEAGE__TRANSPORT__TYPE'];
  const path = env['OPENLINEAGE__TRANSPORT__LOG_FILE_PATH'];
  if (type === 'file') {
    if (path) return { kind: 'file', path };
    warn('OPENLINEAGE__TRANSPORT__TYPE is file, but OPENLINEAGE__TRANSPORT__LOG_FILE_PATH is not set');
    return null;
  }
  const url = env['OPENLINEAGE_URL'] || env['OPENLINEAGE__TRANSPORT__URL'];
  if (!url) {
    if (type !== undefined && type !== 'http') warn(`OPENLINEAGE__TRANSPORT__TYPE must be http or file, found ${type}`);
    return null;
  }
  if (!URL.canParse(url) || !/^https?:\/\//.test(url)) {
    warn('OPENLINEAGE_URL must be a URL with http or https');
    return null;
  }
  const endpoint = env['OPENLINEAGE_ENDPOINT'] || env['OPENLINEAGE__TRANSPORT__ENDPOINT'] || ENDPOINT;
  const whole = `${url.replace(/(?<!\/)\/+$/, '')}/${endpoint.replace(/^\/+/, '')}`;
  return { kind: 'http', url: whole, apiKey: env['OPENLINEAGE_API_KEY'] || null };
}

/** Parses `namespace/job/run id`, as orchestrators pass it. */
function parentOf(name: string, env: LineageEnvironment, warn: (text: string) => void): ParentRun | null {
  const value = env[name];
  if (!value) return null;
  const [namespace = '', job = '', runId = '', ...more] = value.split('/');
  if (namespace !== '' && job !== '' && UUID.test(runId) && more.length === 0) return { namespace, job, runId };
  warn(`${name} must be namespace/job/run id, and is left out`);
  return null;
}
