// Stores the state of serve in schema `tsdbt` of Postgres. The first host to insert a row owns it: due times,
// incidents, alerts. Times are the server's.
import { ask } from '../query-cells.ts';
import { randomUUID } from 'node:crypto';
import type { Adapter, Session } from '../../../adapters/adapter.ts';
import type { Fence } from '../../../adapters/fence.ts';
import { quoteText } from '../../../adapters/postgres/literal.ts';
import { DURATION_RUNS, LEASE_MS, lostLease } from '../lease-rules.ts';
import {
  alarmOf,
  type Cells,
  FRESHNESS_COLUMNS,
  freshnessOf,
  freshnessRecord,
  incidentOf,
  jobRunOf,
  lastOfEach,
  leftOutOf,
  MOST_INCIDENTS,
  MOST_NODES,
  NODE_COLUMNS,
  nodeRecord,
  nodeRunOf,
  withoutNul,
} from '../store-rows.ts';
import type {
  Claim,
  FreshnessRun,
  Incident,
  JobRequest,
  JobRun,
  LeftOutFilter,
  LeftOutTimes,
  Moment,
  NodeRun,
  RunEnd,
  RunFilter,
  SentAlarm,
  Store,
} from '../serve-store.ts';
import {
  CREATE_STATE,
  FRESHNESS_CELLS,
  fenceLock,
  INCIDENT_CELLS,
  LEFT_OUT_CELLS,
  millisecondsOf,
  namesIn,
  NODE_CELLS,
  RUN_COLUMNS,
  STATE_CURRENT,
  STATE_PRESENT,
  STATE_SCHEMA,
  timeOf,
} from './tables.ts';

const RUNS = `${STATE_SCHEMA}.job_runs`;
const NODES = `${STATE_SCHEMA}.node_runs`;
const FRESHNESS = `${STATE_SCHEMA}.freshness_runs`;
const BEGINS = `${STATE_SCHEMA}.job_begins`;
const LEFT_OUT = `${STATE_SCHEMA}.due_left_out`;
const INCIDENTS = `${STATE_SCHEMA}.incidents`;
const ALARMS = `${STATE_SCHEMA}.alarms_sent`;
/** Limit of other claims of the job between two queries. */
const MOST_TRIES = 1000;

const moment = (at: Moment): string => timeOf(String(Math.floor(at)));
const textOf = (value: string | null): string => (value === null ? 'null' : quoteText(withoutNul(value)));
const jsonOf = (rows: readonly unknown[]): string => quoteText(JSON.stringify(rows));
const listOf = (values: readonly string[]): string => values.map((value) => quoteText(value)).join(', ');

export class PostgresStore implements Store {
  readonly #adapter: Adapter;
  readonly #lease: string;
  readonly #leaseMs: number;

  /** @param adapter closed by its owner */
  constructor(adapter: Adapter, leaseMs = LEASE_MS) {
    this.#adapter = adapter;
    this.#leaseMs = leaseMs;
    this.#lease = `interval '${leaseMs} milliseconds'`;
  }

  async exists(): Promise<boolean> {
    return this.#within((session) => holds(session, STATE_PRESENT));
  }

  async open(): Promise<void> {
    await this.#within(async (session) => {
      if (await holds(session, STATE_CURRENT)) return;
      await session.execute("select pg_advisory_xact_lock(hashtext('tsdbt serve'), 0)");
      for (const statement of CREATE_STATE) await session.execute(statement);
    });
  }

  async now(): Promise<Moment> {
    const [[now] = []] = await this.#ask(`select ${millisecondsOf('clock_timestamp()')}`);
    return Number(now);
  }

  async claim(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | null> {
    const claimed = await this.#claim(job, dueAt, attempt, host, '');
    return claimed === 'busy' ? null : claimed;
  }

  async claimAlone(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | 'busy' | null> {
    // If two hosts see no run at once, one gets the token. The other queries again and sees it.
    const running = `select from ${RUNS} where job = ${quoteText(job)} and state = 'running'`;
    return this.#claim(job, dueAt, attempt, host, ` where not exists (${running})`);
  }

  /** @param only a condition under which a row is inserted */
  async #claim(
    job: string,
    dueAt: Moment,
    attempt: number,
    host: string,
    only: string,
  ): Promise<Claim | 'busy' | null> {
    const runId = randomUUID();
    const due = `job = ${quoteText(job)} and due_at = ${moment(dueAt)} and attempt = ${attempt}`;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const [row] = await this.#ask(
        `insert into ${RUNS} (run_id, job, due_at, attempt, host, token)
select ${quoteText(runId)}, ${quoteText(job)}, ${moment(dueAt)}, ${attempt}, ${textOf(host)}, ` +
          `coalesce((select max(token) from ${RUNS} where job = ${quoteText(job)}), 0) + 1${only}
on conflict do nothing returning token::text`,
      );
      const token = row?.[0] ?? null;
      if (token !== null) return { runId, job, dueAt, attempt, host, token: BigInt(token) };
      // Another host has claimed the due time, or has taken the token for another one.
      if ((await this.#ask(`select run_id from ${RUNS} where ${due}`)).length > 0) return null;
      if (only !== '' && (await this.#ask(`select${only}`)).length === 0) return 'busy';
    }
    return null;
  }

  async heartbeat(claims: readonly Claim[]): Promise<readonly Claim[]> {
    if (claims.length === 0) return [];
    const renewed = await this.#ask(
      `update ${RUNS} set seen_at = clock_timestamp() where run_id in (${listOf(claims.map(({ runId }) => runId))}) ` +
        `and state = 'running' and seen_at >= clock_timestamp() - ${this.#lease} returning run_id`,
    );
    const alive = new Set(renewed.map(([runId]) => runId));
    return claims.filter(({ runId }) => !alive.has(runId));
  }

  async finish({ runId }: Claim, { state, reason, project = null, againAt = null }: RunEnd): Promise<boolean> {
    return this.#within(async (session) => {
      await session.execute(
        `update ${RUNS} set state = case when ${state !== 'success'} and seen_at < clock_timestamp() - ` +
          `${this.#lease} then 'lost' else ${quoteText(state)} end, reason = ${textOf(reason)}, project = ` +
          `${textOf(project)}, again_at = ${againAt === null ? 'null' : moment(againAt)}, finished_at = ` +
          `clock_timestamp() where run_id = ${quoteText(runId)} and state = 'running'`,
      );
      const [row] = await ask(session, `select state from ${RUNS} where run_id = ${quoteText(runId)}`);
      return row !== undefined && row[0] !== 'lost';
    });
  }

  async reap(): Promise<readonly JobRun[]> {
    const silent = `state = 'running' and seen_at < clock_timestamp() - ${this.#lease}`;
    const found = await this.#ask(`select run_id from ${RUNS} where ${silent}`);
    if (found.length === 0) return [];
    // A publishing transaction has priority: the next check finds the run.
    const rows = await this.#ask(
      `update ${RUNS} set state = 'lost', finished_at = clock_timestamp(), reason = 'host ' || host || ` +
        `' was silent for longer than its lease' where run_id in (${listOf(found.map(([id]) => id ?? ''))}) ` +
        `and ${silent} and pg_try_advisory_xact_lock(${fenceLock('run_id')}) returning ${RUN_COLUMNS}`,
    );
    return rows.map(jobRunOf);
  }

  async abandoned(): Promise<readonly JobRun[]> {
    const rows = await this.#ask(
      `select ${RUN_COLUMNS} from ${RUNS} as r where (r.state = 'lost' or r.again_at < clock_timestamp() - ` +
        `${this.#lease}) and not exists (select from ${RUNS} as l where l.job = r.job and l.due_at = r.due_at and ` +
        `l.attempt = r.attempt + 1) order by r.due_at desc limit ${MOST_TRIES}`,
    );
    return rows.map(jobRunOf);
  }

  fence({ runId, job, token }: Claim): Fence {
    const name = quoteText(runId);
    // Each statement in it sees what has been committed before.
    const body =
      `begin
  perform pg_advisory_xact_lock_shared(${fenceLock(name)});
  if not exists (select from ${RUNS} as r where r.run_id = ${name} and r.state = 'running' and r.seen_at >= ` +
      `clock_timestamp() - ${this.#lease} and not exists (select from ${RUNS} as l where l.job = r.job and ` +
      `l.token > ${token})) then
    raise exception using errcode = 'TS001', message = ${quoteText(lostLease(job, runId))}, ` +
      `detail = 'Another host may have taken its work. Nothing of this transaction was published.';
  end if;
end`;
    return { runId, check: `do ${quoteText(body)}`, holds: this.#leaseMs / 1000 };
  }

  async lastDue(): Promise<ReadonlyMap<string, Moment>> {
    const rows = await this.#ask(`select job, ${millisecondsOf('max(due_at)')} from ${RUNS} group by job`);
    return new Map(rows.map(([job, due]) => [job ?? '', Number(due)]));
  }

  async leaveOut(times: readonly LeftOutTimes[]): Promise<void> {
    await this.#within(async (session) => {
      for (const { job, why, first, last, count } of times) {
        const ofJob = `from ${RUNS} where job = ${quoteText(job)}`;
        await session.execute(
          `insert into ${LEFT_OUT} as l (job, why, run_due_at, first_due_at, last_due_at, due_times)
select ${quoteText(job)}, ${quoteText(why)}, coalesce((select max(due_at) ${ofJob} and due_at < ` +
            `${moment(last)}), ${moment(0)}), ${moment(first)}, ${moment(last)}, ${count} where not exists (select ` +
            `${ofJob} and due_at = ${moment(last)}) on conflict (job, why, run_due_at) do update set ` +
            'last_due_at = excluded.last_due_at, due_times = l.due_times + excluded.due_times where ' +
            'l.last_due_at < excluded.first_due_at',
          { internal: true },
        );
      }
    });
  }

  async leftOut({ job, before, since, limit }: LeftOutFilter): Promise<readonly LeftOutTimes[]> {
    const where = [
      'true',
      ...(job === undefined ? [] : [`job = ${quoteText(job)}`]),
      ...(before === undefined ? [] : [`last_due_at < ${moment(before)}`]),
      ...(since === undefined ? [] : [`last_due_at >= ${moment(since)}`]),
    ];
    return this.#within(async (session) => {
      // A command that only reads may find the tables of an earlier version.
      if (!(await holds(session, STATE_CURRENT))) return [];
      const rows = await ask(
        session,
        `select ${LEFT_OUT_CELLS} from ${LEFT_OUT} where ${where.join(' and ')} order by last_due_at desc, job ` +
          `limit ${limit}`,
      );
      return rows.map(leftOutOf);
    });
  }

  async lastLeftOut(): Promise<ReadonlyMap<string, Moment>> {
    const rows = await this.#ask(`select job, ${millisecondsOf('max(last_due_at)')} from ${LEFT_OUT} group by job`);
    return new Map(rows.map(([job, last]) => [job ?? '', Number(last)]));
  }

  async begun(runId: string, madeOf: string): Promise<void> {
    await this.#run(`insert into ${BEGINS} values (${listOf([runId, madeOf])}) on conflict do nothing`);
  }

  async madeOf(runIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (runIds.length === 0) return new Map();
    const rows = await this.#ask(`select run_id, made_of from ${BEGINS} where run_id in (${listOf(runIds)})`);
    return new Map(rows.map(([runId, madeOf]) => [runId ?? '', madeOf ?? '']));
  }

  async record(nodes: readonly NodeRun[], freshness: readonly FreshnessRun[]): Promise<void> {
    if (nodes.length + freshness.length === 0) return;
    await this.#within(async (session) => {
      if (nodes.length > 0)
        await session.execute(
          `insert into ${NODES} (${NODE_COLUMNS.join(', ')})
select run_id, unique_id, status, thread, ${timeOf('started_at')}, seconds, rows, read_rows, read_bytes, failures, ` +
            `message, checksum from json_to_recordset(${jsonOf(lastOfEach(nodes).map(nodeRecord))}) as ` +
            'r(run_id text, unique_id text, status text, thread text, started_at bigint, seconds double precision, ' +
            'rows bigint, read_rows bigint, read_bytes bigint, failures bigint, message text, checksum text)\n' +
            replacing(NODE_COLUMNS),
          { internal: true },
        );
      if (freshness.length > 0)
        await session.execute(
          `insert into ${FRESHNESS} (${FRESHNESS_COLUMNS.join(', ')})
select run_id, unique_id, status, ${timeOf('max_loaded_at')}, seconds, ${timeOf('at')} from json_to_recordset(` +
            `${jsonOf(lastOfEach(freshness).map(freshnessRecord))}) as r(run_id text, ` +
            'unique_id text, status text, max_loaded_at bigint, seconds double precision, at bigint)\n' +
            replacing(FRESHNESS_COLUMNS),
          { internal: true },
        );
    });
  }

  async runs({ runId, job, states, before, limit }: RunFilter): Promise<readonly JobRun[]> {
    if (states?.length === 0) return [];
    const where = [
      ...(runId === undefined ? [] : [`starts_with(run_id, ${quoteText(runId)})`]),
      ...(job === undefined ? [] : [`job = ${quoteText(job)}`]),
      ...(states === undefined ? [] : [`state in (${listOf(states)})`]),
      ...(before === undefined ? [] : [`started_at < ${moment(before)}`]),
    ];
    const rows = await this.#ask(
      `select ${RUN_COLUMNS} from ${RUNS}${where.length > 0 ? ` where ${where.join(' and ')}` : ''} order by ` +
        `started_at desc, token desc limit ${limit}`,
    );
    return rows.map(jobRunOf);
  }

  async nodes(runId: string): Promise<readonly NodeRun[]> {
    const rows = await this.#ask(
      `select ${NODE_CELLS} from ${NODES} where run_id = ${quoteText(runId)} order by started_at, unique_id ` +
        `limit ${MOST_NODES}`,
    );
    return rows.map(nodeRunOf);
  }

  async nodeHistory(uniqueId: string, limit: number): Promise<readonly NodeRun[]> {
    const rows = await this.#ask(
      `select ${NODE_CELLS} from ${NODES} where unique_id = ${quoteText(uniqueId)} order by started_at desc ` +
        `limit ${limit}`,
    );
    return rows.map(nodeRunOf);
  }

  async freshness(): Promise<readonly FreshnessRun[]> {
    const rows = await this.#ask(
      `${namesIn('freshness_runs')}
select ${FRESHNESS_CELLS} from names as n cross join lateral (select f.run_id, f.status, f.max_loaded_at, f.seconds, ` +
        `f.at from ${FRESHNESS} as f where f.unique_id = n.unique_id order by f.at desc limit 1) as f ` +
        'order by unique_id',
    );
    return rows.map(freshnessOf);
  }

  async durations(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#ask(
      `${namesIn('node_runs')}
select n.unique_id, d.seconds::text from names as n cross join lateral (
  select percentile_disc(0.5) within group (order by s.seconds) as seconds from (
    select t.seconds from ${NODES} as t where t.unique_id = n.unique_id and t.status in ('success', 'pass')
    order by t.started_at desc limit ${DURATION_RUNS}
  ) as s
) as d where d.seconds is not null`,
    );
    return new Map(rows.map(([uniqueId, seconds]) => [uniqueId ?? '', Number(seconds)]));
  }

  async paused(): Promise<ReadonlySet<string>> {
    const rows = await this.#ask(`select job from ${STATE_SCHEMA}.job_pauses`);
    return new Set(rows.map(([job]) => job ?? ''));
  }

  async setPaused(job: string, paused: boolean): Promise<void> {
    const table = `${STATE_SCHEMA}.job_pauses`;
    await this.#run(
      paused
        ? `insert into ${table} (job) values (${quoteText(job)}) on conflict do nothing`
        : `delete from ${table} where job = ${quoteText(job)}`,
    );
  }

  async request(job: string): Promise<void> {
    await this.#run(`insert into ${STATE_SCHEMA}.job_requests (job) values (${quoteText(job)}) on conflict do nothing`);
  }

  async requests(): Promise<readonly JobRequest[]> {
    const rows = await this.#ask(`select job, ${millisecondsOf('asked_at')} from ${STATE_SCHEMA}.job_requests`);
    return rows.map(([job, at]) => ({ job: job ?? '', at: Number(at) }));
  }

  async endRequest({ job, at }: JobRequest): Promise<void> {
    await this.#run(
      `delete from ${STATE_SCHEMA}.job_requests where job = ${quoteText(job)} and ` +
        `${millisecondsOf('asked_at')} = ${quoteText(String(at))}`,
    );
  }

  async openIncidents(): Promise<readonly Incident[]> {
    const rows = await this.#ask(
      `select ${INCIDENT_CELLS} from ${INCIDENTS} where closed_at is null order by opened_at ` +
        `limit ${MOST_INCIDENTS}`,
    );
    return rows.map(incidentOf);
  }

  async openIncident(key: string, reason: string): Promise<{ incident: Incident; opened: boolean }> {
    for (;;) {
      const [made] = await this.#ask(
        `insert into ${INCIDENTS} (id, key, reason) values (${quoteText(randomUUID())}, ${quoteText(key)}, ` +
          `${textOf(reason)}) on conflict (key) where closed_at is null do nothing returning ${INCIDENT_CELLS}`,
      );
      if (made !== undefined) return { incident: incidentOf(made), opened: true };
      const [known] = await this.#ask(
        `select ${INCIDENT_CELLS} from ${INCIDENTS} where key = ${quoteText(key)} and closed_at is null`,
      );
      // It may have been closed between the two statements.
      if (known !== undefined) return { incident: incidentOf(known), opened: false };
    }
  }

  async closeIncident(id: string): Promise<boolean> {
    const rows = await this.#ask(
      `update ${INCIDENTS} set closed_at = clock_timestamp() where id = ${quoteText(id)} and closed_at is null ` +
        'returning id',
    );
    return rows.length > 0;
  }

  async noteAlarm({ incident, channel, occasion }: Omit<SentAlarm, 'at'>): Promise<boolean> {
    const rows = await this.#ask(
      `insert into ${ALARMS} (incident, channel, occasion) values (${listOf([incident, channel, occasion])}) ` +
        'on conflict do nothing returning incident',
    );
    return rows.length > 0;
  }

  async alarms(incident: string): Promise<readonly SentAlarm[]> {
    const rows = await this.#ask(
      `select incident, channel, occasion, ${millisecondsOf('at')} from ${ALARMS} where incident = ` +
        `${quoteText(incident)} order by at`,
    );
    return rows.map(alarmOf);
  }

  async prune(before: Moment): Promise<void> {
    const old = moment(before);
    const over = `not exists (select from ${RUNS} as r where r.run_id = t.run_id and r.state = 'running')`;
    await this.#within(async (session) => {
      for (const statement of [
        // The newest claim of a job determines which due times have passed.
        `delete from ${RUNS} as r where r.state <> 'running' and r.started_at < ${old} and exists (select from ` +
          `${RUNS} as l where l.job = r.job and l.token > r.token)`,
        `delete from ${BEGINS} as b where not exists (select from ${RUNS} as r where r.run_id = b.run_id)`,
        `delete from ${NODES} as t where t.started_at < ${old} and ${over}`,
        `delete from ${FRESHNESS} as t where t.at < ${old} and ${over}`,
        `delete from ${LEFT_OUT} where last_due_at < ${old}`,
        `delete from ${INCIDENTS} where closed_at < ${old}`,
        `delete from ${ALARMS} as a where a.at < ${old} and not exists (select from ${INCIDENTS} as i where ` +
          'i.id = a.incident)',
      ])
        await session.execute(statement, { internal: true });
    });
  }

  /** The owner closes the adapter. */
  async close(): Promise<void> {}

  async #ask(sql: string): Promise<Cells[]> {
    return this.#within((session) => ask(session, sql));
  }

  async #run(sql: string): Promise<void> {
    await this.#within((session) => session.execute(sql, { internal: true }));
  }

  async #within<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#adapter.session({ name: 'serve' });
    try {
      await session.begin();
      const result = await work(session);
      await session.commit();
      return result;
    } finally {
      await session.release();
    }
  }
}

async function holds(session: Session, question: string): Promise<boolean> {
  return (await ask(session, question))[0]?.[0] === 'True';
}

function replacing(columns: readonly string[]): string {
  const values = columns.map((name) => `${name} = excluded.${name}`);
  return `on conflict (run_id, unique_id) do update set ${values.join(', ')}`;
}
