// The content of an alert: the problem, its subject, and the occasion. Types only: alert-subject.ts creates them from a
// project, alert-routing.ts decides which channels get them and when, alert-text.ts writes the texts.
import type { Incident, Moment } from '../store/serve-store.ts';

/**
 * Kinds of problems: a run or a test failed, data is stale, work takes too long, the project cannot be read, the
 * database is unavailable.
 */
const TROUBLE_KINDS = ['failed', 'stale', 'slow', 'project', 'database'] as const;
export type TroubleKind = (typeof TROUBLE_KINDS)[number];

/** Allowed values of a channel's `on`. */
export const ALARM_EVENTS = [...TROUBLE_KINDS, 'recovered'] as const;
export type AlarmEvent = (typeof ALARM_EVENTS)[number];

/** First failing rows of a test, as texts, with secret columns masked. */
export interface FailingRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Number of failing rows; null: unknown. */
  readonly total: number | null;
}

/** The descendants of a node. */
export interface Downstream {
  /** Nearest first, `mart_a` or `exposure weekly report`. */
  readonly names: readonly string[];
  /** Number of further descendants. */
  readonly more: number;
}

/** The subject of a problem: a node or a job. */
export interface Subject {
  /** `model session_analytics.mart_a`, `job fast`. */
  readonly what: string;
  /** null: not a node. */
  readonly uniqueId: string | null;
  /** Names and addresses. */
  readonly owners: readonly string[];
  readonly group: string | null;
  readonly tags: readonly string[];
  readonly path: string | null;
  /** From 1. */
  readonly line: number | null;
  /** Why it failed; null: the incident's reason already says so. */
  readonly message: string | null;
  readonly rows: FailingRows | null;
  readonly downstream: Downstream;
}

/** A problem as it was just found. */
export interface Trouble {
  readonly incident: Incident;
  readonly kind: TroubleKind;
  readonly job: string | null;
  readonly runId: string | null;
  readonly subject: Subject;
  /** The failed nodes, if the subject is a job. */
  readonly parts: readonly Subject[];
}

export type Occasion =
  | { readonly kind: 'opened' }
  /** From 1. */
  | { readonly kind: 'repeated'; readonly number: number }
  | { readonly kind: 'recovered' };

/** One message to one channel. */
export interface Alarm {
  readonly trouble: Trouble;
  readonly occasion: Occasion;
  /** The same for every attempt to deliver it, also on another host. Recipients detect duplicates by it. */
  readonly id: string;
  readonly at: Moment;
  /** How often the problem was found since it began; null: unknown to this process. */
  readonly times: number | null;
  readonly project: string;
  /** The page that shows it; null: there is none. */
  readonly link: string | null;
}
