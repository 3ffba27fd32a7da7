// What an alarm says: the trouble, what it is about, and on which occasion it is told. Types only: subject.ts fills
// them from a project, alarms.ts decides who is told and when, message.ts words them.
import type { Incident, Moment } from '../store/store.ts';

/**
 * Kinds of trouble: a run or a test failed, data are late, work takes too long, the project cannot be read, the
 * database is away.
 */
const TROUBLE_KINDS = ['failed', 'stale', 'slow', 'project', 'database'] as const;
export type TroubleKind = (typeof TROUBLE_KINDS)[number];

/** What `on` of a channel may name. */
export const ALARM_EVENTS = [...TROUBLE_KINDS, 'recovered'] as const;
export type AlarmEvent = (typeof ALARM_EVENTS)[number];

/** First failing rows of a test, as texts, with secret columns masked. */
export interface FailingRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How many there are; null: unknown. */
  readonly total: number | null;
}

/** What is built from a node. */
export interface Downstream {
  /** The nearest first, `mart_a` or `exposure weekly report`. */
  readonly names: readonly string[];
  /** How many more there are. */
  readonly more: number;
}

/** What a trouble is about: a node, or a job. */
export interface Subject {
  /** `model session_analytics.mart_a`, `job fast`. */
  readonly what: string;
  /** null: it is no node. */
  readonly uniqueId: string | null;
  /** Names and addresses. */
  readonly owners: readonly string[];
  readonly group: string | null;
  readonly tags: readonly string[];
  readonly path: string | null;
  /** From 1. */
  readonly line: number | null;
  /** Why it failed; null: the reason of the incident says it. */
  readonly message: string | null;
  readonly rows: FailingRows | null;
  readonly downstream: Downstream;
}

/** A trouble, as somebody has just found it. */
export interface Trouble {
  readonly incident: Incident;
  readonly kind: TroubleKind;
  readonly job: string | null;
  readonly runId: string | null;
  readonly subject: Subject;
  /** The nodes that failed, when the subject is a job. */
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
  /** The same for each try to deliver it, also on another host: receivers tell copies by it. */
  readonly id: string;
  readonly at: Moment;
  /** How often the trouble was found since it began; null: this process cannot know. */
  readonly times: number | null;
  readonly project: string;
  /** The page that shows it; null: there is none. */
  readonly link: string | null;
}
