// An SLA, and the verdict of a check. Types only: read-slas.ts creates SLAs, evaluate-sla.ts checks them.
import type { Moment } from '../store/serve-store.ts';
import type { DurationTerms, FreshnessTerms, SuccessTerms } from '../../settings/sla-settings.ts';

/** The subject of an SLA. */
export interface PromiseSubject {
  readonly kind: 'node' | 'source' | 'job';
  /** unique_id, or the job's name. */
  readonly id: string;
  /** Display name: `model user_sessions`, `source raw.events`, `job fast`. */
  readonly shown: string;
  readonly owner: string | null;
  readonly path: string;
  /** 1-based; null: unknown. */
  readonly line: number | null;
}

/**
 * `failed` and `late` apply to every job, the others only if configured. Freshness by rows is measured in the database,
 * with a null `field` by the source's own metadata. Freshness by runs is the time of the last success.
 */
export type PromiseTerms =
  | ({ readonly kind: 'freshness' } & FreshnessTerms & { readonly by: 'rows' | 'runs' })
  | { readonly kind: 'lag'; readonly maxMs: number }
  | ({ readonly kind: 'success' } & SuccessTerms)
  | ({ readonly kind: 'duration' } & DurationTerms)
  | { readonly kind: 'late'; readonly maxMs: number }
  | {
      readonly kind: 'failed';
      readonly retries: { readonly times: number; readonly backoffMs: number };
      /** A job that never ends: it works while it runs. */
      readonly resident?: boolean;
    };

export interface Promised {
  /** Key of its incident: `sla:model.shop.orders:freshness`, `job:fast:failed`. */
  readonly key: string;
  readonly subject: PromiseSubject;
  readonly terms: PromiseTerms;
  /** Number of consecutive checks, or of runs for SLAs on runs, that must agree. */
  readonly looks: number;
}

/** The result of one check. `unknown`: there is nothing to check, or it cannot be measured. */
export interface Verdict {
  readonly promised: Promised;
  readonly state: 'kept' | 'broken' | 'unknown';
  /** In words, with the values. */
  readonly reason: string;
  /** Milliseconds, or a share; null: unknown. */
  readonly value: number | null;
  /** The SLA's limit, in the unit of `value`; null: it has none. */
  readonly limit: number | null;
  /** Consecutive checks needed to open or close an incident. Runs have already been counted. */
  readonly looks: number;
  /** The earliest time at which it can be missed; null: only a new fact can change it. */
  readonly breaksAt: Moment | null;
}
