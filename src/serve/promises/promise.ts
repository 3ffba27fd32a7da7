// A promise, and what a look says of it. Types only: read-promises.ts makes promises, evaluate.ts looks.
import type { Moment } from '../store/store.ts';
import type { DurationTerms, FreshnessTerms, SuccessTerms } from './sla.ts';

/** What a promise is about. */
export interface PromiseSubject {
  readonly kind: 'node' | 'source' | 'job';
  /** unique_id, or the job's name. */
  readonly id: string;
  /** As people call it: `model user_sessions`, `source raw.events`, `job fast`. */
  readonly shown: string;
  readonly owner: string | null;
  readonly path: string;
  /** From 1; null: unknown. */
  readonly line: number | null;
}

/**
 * `failed` and `late` are promised of every job; the rest is asked for. Freshness by rows is measured in the database,
 * with a null `field` by what the source says itself; by runs it is when the last one succeeded.
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
      /** A job that does not end: it works when it runs. */
      readonly resident?: boolean;
    };

export interface Promised {
  /** Of its incident: `sla:model.shop.orders:freshness`, `job:fast:failed`. */
  readonly key: string;
  readonly subject: PromiseSubject;
  readonly terms: PromiseTerms;
  /** How many looks in turn, or how many runs where runs are looked at, must agree. */
  readonly looks: number;
}

/** What one look says. `unknown`: there is nothing to look at, or it cannot be measured. */
export interface Verdict {
  readonly promised: Promised;
  readonly state: 'kept' | 'broken' | 'unknown';
  /** In words, with the values. */
  readonly reason: string;
  /** Milliseconds, or a share; null: none is known. */
  readonly value: number | null;
  /** The promise's bound, as `value`; null: it has none. */
  readonly limit: number | null;
  /** Looks in turn that an incident takes to open or close; runs have been counted already. */
  readonly looks: number;
  /** The earliest moment at which it can be broken; null: only a new fact breaks it. */
  readonly breaksAt: Moment | null;
}
