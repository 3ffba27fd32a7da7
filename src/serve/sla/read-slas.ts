// Finds the SLAs of a project: `sla:` in the meta of models, seeds, snapshots and sources, and in jobs. sla-settings.ts
// checks a single one, evaluate-sla.ts whether they are met.
import type { Json } from '../../contracts/node.ts';
import type { Manifest } from '../../contracts/manifest.ts';
import { TsdbtError } from '../../errors.ts';
import { loadOrigin } from '../../project/load-config.ts';
import { type SettingOwner, settingsFile } from '../../project/setting-place.ts';
import type { Job } from '../jobs/job.ts';
import type { Promised, PromiseSubject, PromiseTerms } from './sla-types.ts';
import { ownSetting, ownSettings } from '../../settings/meta-settings.ts';
import type { Keys } from '../../settings/setting.ts';
import { isDictionary } from '../../values/is-dictionary.ts';
import { readSla, type RefuseSla, type Sla } from '../../settings/sla-settings.ts';

/** A job with its `sla:` as written. */
export type PromisingJob = Pick<Job, 'name' | 'path' | 'line' | 'work' | 'timing' | 'retries' | 'owner'> & {
  readonly sla: Json | null;
};

/** Returns the position of a key in a node's `sla:`. @param keys below `sla` */
export type PlaceOfSla = (
  node: PromisingNode,
  keys: Keys,
) => { readonly line: number; readonly column: number } | undefined;

/** The fields of a node that are needed here. */
export interface PromisingNode extends SettingOwner {
  readonly unique_id: string;
  readonly package_name: string;
  readonly config: { readonly [name: string]: unknown };
}

/** Kinds of nodes that can have SLAs on rows and runs. */
const BUILT = ['model', 'seed', 'snapshot'];
/** A job may start this late before an incident is opened. */
const LATE_MS = 120_000;
/** Failures of a job before an incident is opened, by default. */
const JOB_LOOKS = 1;

/**
 * The SLAs of models and sources, in the manifest's order.
 * @throws {TsdbtError} validation error with file, position and option
 */
export function nodePromises(manifest: Pick<Manifest, 'nodes' | 'sources'>, placeOf?: PlaceOfSla): Promised[] {
  const found: Promised[] = [];
  for (const node of Object.values(manifest.nodes)) {
    const written = ownSettings(node)['sla'] ?? undefined;
    if (written === undefined || !BUILT.includes(node.resource_type)) continue;
    const shown = `${node.resource_type} ${node.name}`;
    const refuse = refusal(shown, node, placeOf);
    const { materialized, event_time } = node.config;
    if (materialized === 'ephemeral') refuse([], 'an ephemeral model has no rows and no runs of its own');
    const sla = readSla(written, 'model', refuse);
    const own = { field: ownSetting(node, 'freshness')?.loaded_at_field ?? textOf(event_time) };
    found.push(...terms(sla, subjectOf(node, 'node', shown, node.config['meta']), own));
  }
  for (const source of Object.values(manifest.sources)) {
    const written = ownSettings(source)['sla'] ?? ownSettings({ meta: source.source_meta })['sla'] ?? undefined;
    if (written === undefined) continue;
    const shown = `source ${source.source_name}.${source.name}`;
    const refuse = refusal(shown, source, placeOf);
    const origin = loadOrigin(source);
    const sla = readSla(written, origin === 'topics' ? 'loader' : 'source', refuse);
    const known = origin !== null || source.loaded_at_field !== null || source.loaded_at_query !== null;
    if (sla.freshness !== null && sla.freshness.field === null && !known)
      refuse(
        ['freshness'],
        'nothing tells how old the rows are: the source has no loaded_at_field',
        'freshness: {max: 15m, field: loaded_at}, or loaded_at_field of the source.',
      );
    found.push(...terms(sla, subjectOf(source, 'source', shown, source.meta), { field: null }, true));
  }
  return found;
}

/**
 * The SLAs of jobs: that they do not fail and are not late, and their `sla:`.
 * @throws {TsdbtError} project error with file, line and option
 */
export function jobPromises(jobs: readonly PromisingJob[]): Promised[] {
  return jobs.flatMap((job) => {
    const { name, path, line, work, timing, retries, owner } = job;
    const refuse: RefuseSla = (keys, message, hint) => {
      throw new TsdbtError('project', `sla of job '${name}': ${message}`, {
        path,
        line,
        hint: hint ?? (keys.length === 0 ? 'Write: sla: {success: 99%, duration: 4m}.' : undefined),
      });
    };
    const subject: PromiseSubject = { kind: 'job', id: name, shown: `job ${name}`, owner, path, line };
    if (job.sla !== null && work.kind === 'load')
      refuse([], 'a job that loads does not end', 'Set freshness or lag in meta.tsdbt.sla of its sources.');
    const sla = job.sla === null ? null : readSla(job.sla, 'job', refuse);
    const timed = timing.kind === 'every' || timing.kind === 'cron';
    if (sla?.late != null && !timed) refuse(['late'], "'late' needs a job with every or cron");
    const key = (kind: string): string => `job:${name}:${kind}`;
    const failed: PromiseTerms = { kind: 'failed', retries, ...(timing.kind === 'resident' && { resident: true }) };
    const late: PromiseTerms = { kind: 'late', maxMs: sla?.late ?? LATE_MS };
    return [
      { key: key('failed'), subject, terms: failed, looks: JOB_LOOKS },
      ...(timed ? [{ key: key('late'), subject, terms: late, looks: sla?.looks ?? JOB_LOOKS }] : []),
      ...(sla === null ? [] : terms({ ...sla, late: null }, subject, { field: null })),
    ];
  });
}

function terms(sla: Sla, subject: PromiseSubject, own: { readonly field: string | null }, rows = false): Promised[] {
  const id = subject.kind === 'job' ? `job.${subject.id}` : subject.id;
  const found: PromiseTerms[] = [];
  if (sla.freshness !== null) {
    const field = sla.freshness.field ?? own.field;
    found.push({ kind: 'freshness', ...sla.freshness, field, by: rows || field !== null ? 'rows' : 'runs' });
  }
  if (sla.lag !== null) found.push({ kind: 'lag', maxMs: sla.lag });
  if (sla.success !== null) found.push({ kind: 'success', ...sla.success });
  if (sla.duration !== null) found.push({ kind: 'duration', ...sla.duration });
  return found.map((each) => ({ key: `sla:${id}:${each.kind}`, subject, terms: each, looks: sla.looks }));
}

function subjectOf(node: PromisingNode, kind: 'node' | 'source', shown: string, meta: unknown): PromiseSubject {
  const owner = isDictionary(meta) ? textOf(meta['owner']) : null;
  return { kind, id: node.unique_id, shown, owner, path: settingsFile(node), line: null };
}

function refusal(shown: string, node: PromisingNode, placeOf: PlaceOfSla | undefined): RefuseSla {
  return (keys, message, hint) => {
    const place = placeOf?.(node, keys);
    throw new TsdbtError('validation', `sla of ${shown}: ${message}`, { path: settingsFile(node), hint, ...place });
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
