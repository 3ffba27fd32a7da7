// What the sessions of examples/clickstream must be: computed anew from the messages and the application's users.
import type { PageView } from '../../../examples/clickstream/views.ts';

export interface Profile {
  readonly user_id: string;
  readonly username: string;
  readonly account_type: string;
  readonly country: string | null;
}

/** Columns of a session, its times in milliseconds, in the order of `user_sessions`. */
export type SessionRow = readonly (string | number | null)[];

const QUIET_MS = 30 * 60_000;

/** All sessions, by user and number. */
export function sessionsOf(views: readonly PageView[], profiles: readonly Profile[]): SessionRow[] {
  const known = new Map(profiles.map((profile) => [profile.user_id, profile]));
  const users = new Map<string, Map<string, PageView>>();
  for (const view of views) {
    if (view.user_id === null) continue;
    const own = users.get(view.user_id) ?? new Map<string, PageView>();
    users.set(view.user_id, own.set(view.event_id, view));
  }
  return [...users.keys()].sort().flatMap((user) => {
    const order = (view: PageView): string => `${view.event_time} ${view.event_id}`;
    const inOrder = [...(users.get(user)?.values() ?? [])].sort((a, b) => (order(a) < order(b) ? -1 : 1));
    const sessions: PageView[][] = [];
    for (const view of inOrder) {
      const open = sessions.at(-1);
      const before = open?.at(-1);
      if (open === undefined || before === undefined || timeOf(view) - timeOf(before) > QUIET_MS) sessions.push([view]);
      else open.push(view);
    }
    return sessions.map((session, number) => rowOf(session, number + 1, user, known.get(user)));
  });
}

function rowOf(session: readonly PageView[], number: number, user: string, profile: Profile | undefined): SessionRow {
  const times = session.map(timeOf);
  const [start, end] = [Math.min(...times), Math.max(...times)];
  return [
    user,
    profile?.username ?? null,
    profile?.account_type ?? null,
    profile?.country ?? 'unknown',
    number,
    start,
    end,
    session.length,
    session[0]?.page_url ?? null,
    session.at(-1)?.page_url ?? null,
    session[0]?.referrer_url ?? null,
  ];
}

function timeOf({ event_time }: PageView): number {
  return Date.parse(event_time);
}
