// What the tables and marts of examples/cdc must hold: computed from the shop's Postgres itself, and as they are in
// ClickHouse, in the same form.
import type pg from 'pg';

export type Rows = Readonly<Record<string, readonly string[]>>;
type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

const DAY_MS = 86_400_000;
const FUNNEL = ['session_start', 'add_to_cart', 'purchase'];
const line = (values: readonly unknown[]): string => values.map(String).join('|');
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const sorted = (lines: Iterable<string>): string[] => [...lines].sort();

interface Event {
  readonly event_id: string;
  readonly user_id: string;
  readonly event_name: string;
  /** Milliseconds. */
  readonly at: number;
}

/** Tables and marts, computed anew from the source. */
export async function computed(source: pg.Client): Promise<Rows> {
  const ask = async <T>(sql: string): Promise<T[]> => (await source.query(sql)).rows as T[];
  const events = await ask<Event>(
    "select event_id::text, user_id, event_name, (extract(epoch from date_trunc('milliseconds', occurred_at)) * " +
      '1000)::float8 as at from app.events',
  );
  const users = await ask<{ user_id: string; week: string }>(
    "select user_id, date_trunc('week', created_at at time zone 'utc')::date::text as week from app.users",
  );
  const byDay = new Map<string, Event[]>();
  for (const event of events) {
    const place = line([event.user_id, dayOf(event.at)]);
    byDay.set(place, [...(byDay.get(place) ?? []), event]);
  }
  const days = [...byDay.entries()].map(([place, found]) => {
    const [user = '', day = ''] = place.split('|');
    return { user, day, found, step: funnelStep(found) };
  });
  const weeks = new Map(users.map(({ user_id, week }) => [user_id, week]));
  const adopted = new Map<string, Set<string>>();
  for (const { user_id, event_name } of events) {
    const week = weeks.get(user_id);
    if (week === undefined) continue;
    const cell = line([week, event_name]);
    adopted.set(cell, (adopted.get(cell) ?? new Set()).add(user_id));
  }
  const last = sorted(days.map(({ day }) => day)).at(-1) ?? '';
  const active: string[] = [];
  for (const day of [...everyDay(days.map((each) => each.day))].filter((each) => each <= last)) {
    const within = (span: number): number => {
      const from = dayOf(Date.parse(day) - (span - 1) * DAY_MS);
      return new Set(days.filter((each) => each.day <= day && each.day >= from).map(({ user }) => user)).size;
    };
    active.push(line([day, within(1), within(7), within(30)]));
  }
  const dayNames = new Set(days.map(({ day }) => day));
  return {
    users: sorted(
      (await ask<{ line: string }>('select user_id || $$|$$ || country || $$|$$ || plan as line from app.users')).map(
        (row) => row.line,
      ),
    ),
    addresses: sorted(
      (await ask<{ line: string }>('select user_id || $$|$$ || email as line from app.users')).map((row) => row.line),
    ),
    events: sorted(events.map(({ event_id, user_id, event_name, at }) => line([event_id, user_id, event_name, at]))),
    sessions_daily: sorted(
      days.map(({ user, day, found, step }) => {
        const count = (name: string): number => found.filter(({ event_name }) => event_name === name).length;
        return line([user, day, found.length, count('session_start'), count('session_end'), step]);
      }),
    ),
    funnel_daily: sorted(
      [...dayNames].map((name) =>
        line([name, ...[1, 2, 3].map((step) => days.filter((day) => day.day === name && day.step >= step).length)]),
      ),
    ),
    active_users: sorted(active),
    revenue_daily: sorted(
      (
        await ask<{ line: string }>(
          "select concat_ws('|', (ordered_at at time zone 'utc')::date, count(*), coalesce(sum(amount) filter (where " +
            "status in ('paid', 'refunded')), 0)::numeric(12, 2), coalesce(sum(amount) filter (where status = " +
            "'refunded'), 0)::numeric(12, 2)) as line from app.orders group by (ordered_at at time zone 'utc')::date",
        )
      ).map((row) => row.line),
    ),
    adoption_by_cohort: sorted([...adopted.entries()].map(([cell, who]) => line([cell, who.size]))),
  };
}

/** Tables and marts as they are in ClickHouse. */
export async function inClickHouse(ask: Ask): Promise<Rows> {
  const rows = async (sql: string): Promise<string[]> =>
    sorted((await ask(`${sql} format JSONEachRow`)).map((row) => line(Object.values(row))));
  return {
    users: await rows('select user_id, country, plan from staging.stg_users'),
    addresses: await rows('select user_id, email from restricted.users final where not _deleted'),
    events: await rows(
      'select event_id, user_id, event_name, toUnixTimestamp64Milli(occurred_at) from analytics.events ' +
        'where not is_deleted',
    ),
    sessions_daily: await rows(
      'select user_id, session_day, events, starts, ends, funnel_step from analytics.sessions_daily where events > 0',
    ),
    funnel_daily: await rows('select day, started, added_to_cart, purchased from marts.funnel_daily'),
    active_users: await rows('select day, dau, wau, mau from marts.active_users'),
    revenue_daily: await rows(
      'select day, orders, toDecimalString(paid, 2), toDecimalString(refunded, 2) from marts.revenue_daily',
    ),
    adoption_by_cohort: await rows('select cohort_week, event_name, users from marts.adoption_by_cohort'),
  };
}

/** As ClickHouse's windowFunnel counts: by whole seconds, steps of one second in their order. */
function funnelStep(events: readonly Event[]): number {
  const steps = events
    .map(({ event_name, at }) => ({ step: FUNNEL.indexOf(event_name), second: Math.floor(at / 1000) }))
    .filter(({ step }) => step >= 0)
    .sort((a, b) => a.second - b.second || a.step - b.step);
  const begun: (number | undefined)[] = [];
  for (const { step, second } of steps) {
    const before = step === 0 ? second : begun[step - 1];
    if (before !== undefined && second <= before + 86_400) begun[step] = before;
  }
  return begun.length;
}

/** Each day with an event and the 29 after it. */
function everyDay(days: readonly string[]): Set<string> {
  return new Set(days.flatMap((day) => Array.from({ length: 30 }, (_, i) => dayOf(Date.parse(day) + i * DAY_MS))));
}
