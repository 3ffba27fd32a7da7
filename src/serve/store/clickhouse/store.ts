// Stores the state of serve in database `tsdbt` of ClickHouse. An INSERT with a used token inserts nothing, which makes
// it a compare-and-set: reading back shows which host was first. Times are the server's.
import { ask } from '../query-cells.ts';
import { randomUUID } from 'node:crypto';
import { quoteText } from '../../../adapters/clickhouse/literal.ts';
import { markedStatement } from '../../../adapters/clickhouse/server.ts';
import type { ClickHouseAdapter } from '../../../adapters/clickhouse/adapter.ts';
import type { ClickHouseSession } from '../../../adapters/clickhouse/session.ts';
import type { Fence } from '../../../adapters/fence.ts';
import { TsdbtError } from '../../../errors.ts';
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
  TIMES,
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
  LEFT_OUT_CELLS,
  limited,
  millisecondsOf,
  NODE_CELLS,
  prunedRows,
  runningSql,
  runsSql,
  STATE_CURRENT,
  STATE_DATABASE as DB,
  STATE_PRESENT,
  timeOf,
} from './tables.ts';

/** Number of tokens to try, because the server may remember the token of a deleted row. */
const MOST_TRIES = 1000;
/** Number of newest runs of each job from which durations are computed. */
const LOOK_RUNS = 2 * DURATION_RUNS;

const textOf = (value: string | null): string => (value === null ? 'NULL' : quoteText(value));
const listOf = (values: readonly string[]): string => values.map((value) => quoteText(value)).join(', ');

export class ClickHouseStore implements Store {
  readonly #adapter: ClickHouseAdapter;
  readonly #leaseMs: number;

  /** @param adapter closed by its owner */
  constructor(adapter: ClickHouseAdapter, leaseMs = LEASE_MS) {
    this.#adapter = adapter;
    this.#leaseMs = leaseMs;
  }

  async exists(): Promise<boolean> {
    return this.#within((session) => holds(session, STATE_PRESENT));
  }

  async open(): Promise<void> {
    await this.#within(async (session) => {
      if (await holds(session, STATE_CURRENT)) return;
      for (const statement of CREATE_STATE) await run(session, statement);
    });
  }

  async now(): Promise<Moment> {
    const [[now] = []] = await this.#ask(`SELECT ${millisecondsOf("now64(3, 'UTC')")}`);
    return Number(now);
  }

  async claim(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | null> {
    const claimed = await this.#claim(job, dueAt, attempt, host, '0');
    return claimed === 'busy' ? null : claimed;
  }

  async claimAlone(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | 'busy' | null> {
    // If two hosts see no run at once, one gets the token. The other queries again and sees it.
    return this.#claim(job, dueAt, attempt, host, `countIf(run_id NOT IN (SELECT run_id FROM ${DB}.job_ends))`);
  }

  /** @param others an expression that counts conflicting rows */
  async #claim(
    job: string,
    dueAt: Moment,
    attempt: number,
    host: string,
    others: string,
  ): Promise<Claim | 'busy' | null> {
    const runId = randomUUID();
    const ofJob = `job = ${quoteText(job)}`;
    return this.#within(async (session) => {
      let token = 0n;
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const [[newest, taken, running] = []] = await ask(
          session,
          `SELECT toString(max(token)), toString(countIf(due_at = ${timeOf(dueAt)} AND attempt = ${attempt})), ` +
            `toString(${others}) FROM ${DB}.job_claims WHERE ${ofJob}`,
        );
        if (taken !== '0') return null;
        if (running !== '0') return 'busy';
        // A remembered token without a row is skipped.
        token = max(token, BigInt(newest ?? '0')) + 1n;
        await run(
          session,
          insertOnce('job_claims (job, token, run_id, due_at, attempt, host)', [job, String(token)]) +
            ` (${quoteText(job)}, ${token}, ${quoteText(runId)}, ${timeOf(dueAt)}, ${attempt}, ${quoteText(host)})`,
        );
        const own = await ask(
          session,
          `SELECT run_id FROM ${DB}.job_claims WHERE ${ofJob} AND token = ${token} AND run_id = ${quoteText(runId)}`,
        );
        if (own.length > 0) return { runId, job, dueAt, attempt, host, token };
      }
      throw full('job_claims');
    });
  }

  async heartbeat(claims: readonly Claim[]): Promise<readonly Claim[]> {
    if (claims.length === 0) return [];
    return this.#within(async (session) => {
      const rows = await ask(
        session,
        `SELECT run_id FROM (${runningSql()}) WHERE run_id IN (${listOf(claims.map(({ runId }) => runId))}) AND ` +
          `seen >= ${this.#leaseBegin()}`,
      );
      const alive = new Set(rows.map(([runId]) => runId));
      if (alive.size > 0)
        await run(
          session,
          `INSERT INTO ${DB}.job_leases (run_id) SETTINGS async_insert = 0 VALUES ` +
            [...alive].map((runId) => `(${textOf(runId ?? null)})`).join(', '),
        );
      return claims.filter(({ runId }) => !alive.has(runId));
    });
  }

  /** Runs last seen before this time are lost. @param marginMs shortens the lease */
  #leaseBegin(marginMs = 0): string {
    return `now64(3, 'UTC') - toIntervalMillisecond(${this.#leaseMs - marginMs})`;
  }

  async finish({ runId }: Claim, end: RunEnd): Promise<boolean> {
    return this.#within(async (session) => {
      const over = end.state !== 'success' && !(await this.#isLeased(session, runId));
      return (await this.#end(session, runId, over ? { ...end, state: 'lost' } : end)).state !== 'lost';
    });
  }

  async #isLeased(session: ClickHouseSession, runId: string): Promise<boolean> {
    const found = `run_id = ${quoteText(runId)} AND seen >= ${this.#leaseBegin()}`;
    return (await ask(session, `SELECT 1 FROM (${runningSql()}) WHERE ${found}`)).length > 0;
  }

  /** @returns the run's final state, and whether this call has ended it */
  async #end(
    session: ClickHouseSession,
    runId: string,
    { state, reason, project = null, againAt = null }: RunEnd,
  ): Promise<{ state: string; own: boolean }> {
    const kept = `SELECT state, ended_by FROM ${DB}.job_ends WHERE run_id = ${quoteText(runId)}`;
    const [before] = await ask(session, kept);
    if (before !== undefined) return { state: before[0] ?? '', own: false };
    const by = randomUUID();
    await run(
      session,
      insertOnce('job_ends (run_id, state, reason, project, ended_by, again_at)', [runId]) +
        ` (${quoteText(runId)}, ${quoteText(state)}, ${textOf(reason)}, ${textOf(project)}, ${quoteText(by)}, ` +
        `${againAt === null ? 'NULL' : timeOf(againAt)})`,
    );
    const [after] = await ask(session, kept);
    if (after === undefined) throw full('job_ends');
    return { state: after[0] ?? '', own: after[1] === by };
  }

  async reap(): Promise<readonly JobRun[]> {
    return this.#within(async (session) => {
      const silent = await ask(
        session,
        `SELECT run_id, host FROM (${runningSql()}) WHERE seen < ${this.#leaseBegin()}`,
      );
      const reaped: string[] = [];
      for (const [runId, host] of silent) {
        const reason = `host ${host ?? ''} was silent for longer than its lease`;
        const { own } = await this.#end(session, runId ?? '', { state: 'lost', reason });
        if (own) reaped.push(runId ?? '');
      }
      if (reaped.length === 0) return [];
      // Statements of the lost host continue on the server without it.
      const theirs = reaped.map(
        (runId) => `startsWith(query_id, ${quoteText(`${runId}:`)}) OR ${markedStatement(`${runId}:`)}`,
      );
      await run(session, `KILL QUERY WHERE ${theirs.join(' OR ')} ASYNC`);
      return (await ask(session, runsSql(`c.run_id IN (${listOf(reaped)})`))).map(jobRunOf);
    });
  }

  async abandoned(): Promise<readonly JobRun[]> {
    const rows = await this.#ask(
      `${runsSql(
        `c.run_id IN (SELECT run_id FROM ${DB}.job_ends WHERE state = 'lost' OR again_at < ${this.#leaseBegin()}) ` +
          'AND (c.job, c.due_at, toUInt32(c.attempt + 1)) NOT IN (SELECT job, due_at, attempt FROM ' +
          `${DB}.job_claims)`,
      )} ORDER BY c.due_at DESC LIMIT ${MOST_TRIES}`,
    );
    return rows.map(jobRunOf);
  }

  fence({ runId, job, token }: Claim): Fence {
    // A statement sent within the first half of a lease begins before the lease expires.
    const half = this.#leaseMs / 2;
    return {
      runId,
      check:
        `SELECT throwIf(count() = 0, ${quoteText(lostLease(job, runId))}) FROM (${runningSql()}) WHERE run_id = ` +
        `${quoteText(runId)} AND seen >= ${this.#leaseBegin(half)} AND NOT EXISTS (SELECT 1 FROM ${DB}.job_claims ` +
        `WHERE job = ${quoteText(job)} AND token > ${token})`,
      // The server forgets a session after up to four thirds of its timeout.
      holds: Math.max(1, Math.floor((half * 3) / 4000)),
    };
  }

  async lastDue(): Promise<ReadonlyMap<string, Moment>> {
    const rows = await this.#ask(`SELECT job, ${millisecondsOf('max(due_at)')} FROM ${DB}.job_claims GROUP BY job`);
    return new Map(rows.map(([job, due]) => [job ?? '', Number(due)]));
  }

  async leaveOut(times: readonly LeftOutTimes[]): Promise<void> {
    await this.#within(async (session) => {
      for (const { job, why, first, last, count } of times) {
        const ofJob = `FROM ${DB}.job_claims WHERE job = ${quoteText(job)}`;
        const [begin, end] = [timeOf(first), timeOf(last)];
        // Two hosts that record the same due time write the same row.
        await run(
          session,
          `INSERT INTO ${DB}.due_left_out (job, why, run_due_at, first_due_at, last_due_at, due_times) SETTINGS ` +
            `async_insert = 0 SELECT ${quoteText(job)}, ${quoteText(why)}, run_due, if(times = 0, ${begin}, begun), ` +
            `${end}, times + ${count} FROM (SELECT (SELECT max(due_at) ${ofJob} AND due_at < ${end}) AS run_due, ` +
            `min(first_due_at) AS begun, max(last_due_at) AS ended, max(due_times) AS times FROM ${DB}.due_left_out ` +
            `WHERE job = ${quoteText(job)} AND why = ${quoteText(why)} AND run_due_at = run_due) WHERE ` +
            `(times = 0 OR ended < ${begin}) AND (SELECT count() ${ofJob} AND due_at = ${end}) = 0`,
        );
      }
    });
  }

  async leftOut({ job, before, since, limit }: LeftOutFilter): Promise<readonly LeftOutTimes[]> {
    const where = [
      '1',
      ...(job === undefined ? [] : [`job = ${quoteText(job)}`]),
      ...(before === undefined ? [] : [`last_due_at < ${timeOf(before)}`]),
      ...(since === undefined ? [] : [`last_due_at >= ${timeOf(since)}`]),
    ];
    return this.#within(async (session) => {
      // A command that only reads may find the tables of an earlier version.
      if (!(await holds(session, STATE_CURRENT))) return [];
      const rows = await ask(
        session,
        `SELECT ${LEFT_OUT_CELLS} FROM ${DB}.due_left_out FINAL WHERE ${where.join(' AND ')} ORDER BY last_due_at ` +
          `DESC, job LIMIT ${limit}`,
      );
      return rows.map(leftOutOf);
    });
  }

  async lastLeftOut(): Promise<ReadonlyMap<string, Moment>> {
    const rows = await this.#ask(
      `SELECT job, ${millisecondsOf('max(last_due_at)')} FROM ${DB}.due_left_out GROUP BY job`,
    );
    return new Map(rows.map(([job, last]) => [job ?? '', Number(last)]));
  }

  async begun(runId: string, madeOf: string): Promise<void> {
    await this.#run(
      `INSERT INTO ${DB}.job_begins (run_id, made_of) SETTINGS async_insert = 0 VALUES (${listOf([runId, madeOf])})`,
    );
  }

  async madeOf(runIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (runIds.length === 0) return new Map();
    const rows = await this.#ask(`SELECT run_id, made_of FROM ${DB}.job_begins WHERE run_id IN (${listOf(runIds)})`);
    return new Map(rows.map(([runId, madeOf]) => [runId ?? '', madeOf ?? '']));
  }

  async record(nodes: readonly NodeRun[], freshness: readonly FreshnessRun[]): Promise<void> {
    if (nodes.length + freshness.length === 0) return;
    const write = (session: ClickHouseSession, table: string, columns: readonly string[], rows: readonly object[]) =>
      rows.length === 0
        ? Promise.resolve()
        : session.insert(
            `INSERT INTO ${DB}.${table} (${columns.join(', ')}) SETTINGS async_insert = 0, insert_deduplicate = 0 ` +
              'FORMAT JSONEachRow',
            [Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n'))],
          );
    await this.#within(async (session) => {
      await write(session, 'node_runs', NODE_COLUMNS, lastOfEach(nodes).map(nodeRecord).map(inSeconds));
      await write(
        session,
        'freshness_runs',
        FRESHNESS_COLUMNS,
        lastOfEach(freshness).map(freshnessRecord).map(inSeconds),
      );
    });
  }

  async runs({ runId, job, states, before, limit }: RunFilter): Promise<readonly JobRun[]> {
    if (states?.length === 0) return [];
    const where = [
      '1',
      ...(runId === undefined ? [] : [`startsWith(c.run_id, ${quoteText(runId)})`]),
      ...(job === undefined ? [] : [`c.job = ${quoteText(job)}`]),
      ...(states === undefined ? [] : [`run_state IN (${listOf(states)})`]),
      ...(before === undefined ? [] : [`c.started_at < ${timeOf(before)}`]),
    ];
    const rows = await this.#ask(
      `${runsSql(where.join(' AND '))} ORDER BY c.started_at DESC, c.token DESC LIMIT ${limit}`,
    );
    return rows.map(jobRunOf);
  }

  async nodes(runId: string): Promise<readonly NodeRun[]> {
    const rows = await this.#ask(
      `SELECT ${NODE_CELLS} FROM ${DB}.node_runs FINAL WHERE run_id = ${quoteText(runId)} ORDER BY started_at, ` +
        `unique_id LIMIT ${MOST_NODES}`,
    );
    return rows.map(nodeRunOf);
  }

  async nodeHistory(uniqueId: string, limit: number): Promise<readonly NodeRun[]> {
    const rows = await this.#ask(
      `SELECT ${NODE_CELLS} FROM ${DB}.node_runs WHERE unique_id = ${quoteText(uniqueId)} ORDER BY started_at DESC, ` +
        `recorded_at DESC LIMIT 1 BY run_id LIMIT ${limit}`,
    );
    return rows.map(nodeRunOf);
  }

  async freshness(): Promise<readonly FreshnessRun[]> {
    const rows = await this.#ask(
      `SELECT ${FRESHNESS_CELLS} FROM ${DB}.freshness_runs ORDER BY unique_id, at DESC, recorded_at DESC ` +
        'LIMIT 1 BY unique_id',
    );
    return rows.map(freshnessOf);
  }

  async durations(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#ask(
      'SELECT unique_id, toString(quantileExactLow(0.5)(seconds)) FROM (SELECT unique_id, seconds FROM ' +
        `${DB}.node_runs WHERE status IN ('success', 'pass') AND run_id IN (SELECT run_id FROM ${DB}.job_claims ` +
        `ORDER BY token DESC LIMIT ${LOOK_RUNS} BY job) ORDER BY started_at DESC LIMIT ${DURATION_RUNS} BY ` +
        'unique_id) GROUP BY unique_id',
    );
    return new Map(rows.map(([uniqueId, seconds]) => [uniqueId ?? '', Number(seconds)]));
  }

  async paused(): Promise<ReadonlySet<string>> {
    const rows = await this.#ask(`SELECT job FROM ${DB}.job_pauses FINAL WHERE paused`);
    return new Set(rows.map(([job]) => job ?? ''));
  }

  async setPaused(job: string, paused: boolean): Promise<void> {
    // The newest row counts, even if the server's clock was set back.
    await this.#run(
      `INSERT INTO ${DB}.job_pauses (job, paused, changed_at) SETTINGS async_insert = 0 SELECT ${quoteText(job)}, ` +
        `${paused}, greatest(now64(6, 'UTC'), max(changed_at) + toIntervalMicrosecond(1)) FROM ${DB}.job_pauses ` +
        `WHERE job = ${quoteText(job)}`,
    );
  }

  async request(job: string): Promise<void> {
    await this.#within(async (session) => {
      let number = 0n;
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const [[asked, taken] = []] = await ask(
          session,
          "SELECT toString(maxIf(number, word = 'asked')), toString(maxIf(number, word = 'taken')) FROM " +
            `${DB}.job_requests WHERE job = ${quoteText(job)}`,
        );
        if (BigInt(asked ?? '0') > BigInt(taken ?? '0')) return;
        number = max(number, BigInt(taken ?? '0')) + 1n;
        await note(session, job, number, 'asked', '');
      }
      throw full('job_requests');
    });
  }

  async requests(): Promise<readonly JobRequest[]> {
    const rows = await this.#ask(
      `SELECT job, argMaxIf(${millisecondsOf('noted_at')}, number, word = 'asked') FROM ${DB}.job_requests ` +
        "GROUP BY job HAVING maxIf(number, word = 'asked') > maxIf(number, word = 'taken')",
    );
    return rows.map(([job, at]) => ({ job: job ?? '', at: Number(at) }));
  }

  async endRequest({ job, at }: JobRequest): Promise<void> {
    await this.#within(async (session) => {
      const asked = await ask(
        session,
        `SELECT toString(number) FROM ${DB}.job_requests WHERE job = ${quoteText(job)} AND word = 'asked' AND ` +
          `noted_at = ${timeOf(at)}`,
      );
      for (const [number] of asked) await note(session, job, BigInt(number ?? '0'), 'taken', '');
    });
  }

  async openIncidents(): Promise<readonly Incident[]> {
    const rows = await this.#ask(
      `SELECT id, key, ${millisecondsOf('opened_at')}, NULL, ${limited('reason')} FROM ${DB}.incidents WHERE ${OPEN} ` +
        `ORDER BY opened_at LIMIT ${MOST_INCIDENTS}`,
    );
    return rows.map(incidentOf);
  }

  async openIncident(key: string, reason: string): Promise<{ incident: Incident; opened: boolean }> {
    const id = randomUUID();
    return this.#within(async (session) => {
      let number = 0n;
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const [newest] = await ask(
          session,
          `SELECT id, key, ${millisecondsOf('opened_at')}, NULL, ${limited('reason')}, toString(number), ` +
            `toString(${OPEN}) FROM ${DB}.incidents WHERE key = ${quoteText(key)} ORDER BY number DESC LIMIT 1`,
        );
        if (newest?.[6] === '1') return { incident: incidentOf(newest), opened: newest[0] === id };
        number = max(number, BigInt(newest?.[5] ?? '0')) + 1n;
        await run(
          session,
          insertOnce('incidents (key, number, id, reason)', [key, String(number)]) +
            ` (${quoteText(key)}, ${number}, ${quoteText(id)}, ${quoteText(reason)})`,
        );
      }
      throw full('incidents');
    });
  }

  async closeIncident(id: string): Promise<boolean> {
    return this.#within(async (session) => {
      const open = await ask(session, `SELECT id FROM ${DB}.incidents WHERE id = ${quoteText(id)} AND ${OPEN}`);
      if (open.length === 0) return false;
      const by = randomUUID();
      await run(session, `${insertOnce('incident_ends (id, closed_by)', [id])} (${quoteText(id)}, ${quoteText(by)})`);
      return (await ask(session, `SELECT 1 FROM ${DB}.incident_ends WHERE closed_by = ${quoteText(by)}`)).length > 0;
    });
  }

  async noteAlarm({ incident, channel, occasion }: Omit<SentAlarm, 'at'>): Promise<boolean> {
    return this.#within(async (session) => {
      const kept =
        `SELECT noted_by FROM ${DB}.alarms_sent WHERE incident = ${quoteText(incident)} AND channel = ` +
        `${quoteText(channel)} AND occasion = ${quoteText(occasion)}`;
      if ((await ask(session, kept)).length > 0) return false;
      const by = randomUUID();
      await run(
        session,
        insertOnce('alarms_sent (incident, channel, occasion, noted_by)', [incident, channel, occasion]) +
          ` (${listOf([incident, channel, occasion, by])})`,
      );
      return (await ask(session, kept))[0]?.[0] === by;
    });
  }

  async alarms(incident: string): Promise<readonly SentAlarm[]> {
    const rows = await this.#ask(
      `SELECT incident, channel, occasion, ${millisecondsOf('at')} FROM ${DB}.alarms_sent WHERE incident = ` +
        `${quoteText(incident)} ORDER BY at`,
    );
    return rows.map(alarmOf);
  }

  async prune(before: Moment): Promise<void> {
    await this.#within(async (session) => {
      for (const [table, where] of prunedRows(timeOf(before))) {
        const [[count] = []] = await ask(session, `SELECT toString(count()) FROM ${DB}.${table} WHERE ${where}`);
        // A mutation rewrites parts, even if it deletes nothing.
        if (count !== '0')
          await run(
            session,
            `ALTER TABLE ${DB}.${table} DELETE WHERE ${where} SETTINGS mutations_sync = 1, ` +
              'allow_nondeterministic_mutations = 1',
          );
      }
    });
  }

  /** The owner closes the adapter. */
  async close(): Promise<void> {}

  async #ask(sql: string): Promise<Cells[]> {
    return this.#within((session) => ask(session, sql));
  }

  async #run(sql: string): Promise<void> {
    await this.#within((session) => run(session, sql));
  }

  async #within<T>(work: (session: ClickHouseSession) => Promise<T>): Promise<T> {
    const session = this.#adapter.session({ name: 'serve' });
    try {
      return await work(session);
    } finally {
      await session.release();
    }
  }
}

async function holds(session: ClickHouseSession, question: string): Promise<boolean> {
  return (await ask(session, question))[0]?.[0] === '1';
}

const OPEN = `id NOT IN (SELECT id FROM ${DB}.incident_ends)`;

async function run(session: ClickHouseSession, sql: string): Promise<void> {
  await session.execute(sql, { internal: true });
}

async function note(
  session: ClickHouseSession,
  job: string,
  number: bigint,
  word: 'asked' | 'taken',
  by: string,
): Promise<void> {
  await run(
    session,
    insertOnce('job_requests (job, number, word, noted_by)', [job, String(number), word]) +
      ` (${quoteText(job)}, ${number}, ${quoteText(word)}, ${quoteText(by)})`,
  );
}

/** The beginning of an INSERT that inserts nothing if its key was used before. */
function insertOnce(into: string, key: readonly string[]): string {
  return (
    `INSERT INTO ${DB}.${into} SETTINGS async_insert = 0, insert_deduplicate = 1, insert_deduplication_token = ` +
    `${quoteText(JSON.stringify(key))} VALUES`
  );
}

/** Converts times to seconds, because ClickHouse reads numeric times in JSON rows as seconds. */
function inSeconds<T extends Readonly<Record<string, string | number | null>>>(row: T): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      TIMES.includes(name) && typeof value === 'number' ? (value / 1000).toFixed(3) : value,
    ]),
  );
}

function full(table: string): TsdbtError {
  return new TsdbtError('runtime', `${DB}.${table} takes no row.`, {
    hint: `Rows may have been deleted from it; ALTER TABLE ${DB}.${table} MODIFY SETTING … forgets its tokens.`,
  });
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
