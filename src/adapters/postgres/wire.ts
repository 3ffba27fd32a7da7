// Sends one message to Postgres over a connection and reads its whole answer. session.ts decides what is sent;
// connection.ts watches for silence.
import type pg from 'pg';
import type { AdapterResponse } from '../../contracts/results.ts';
import type { Connection } from './connection.ts';
import type { RawResult, ResultField } from './result.ts';

/** The part of `pg`'s connection that a query uses and its type declarations lack. */
interface Wire {
  query(text: string): void;
  sendCopyFail(message: string): void;
}

export type Answers = 'last' | 'every' | 'single';

/**
 * Sends a text and waits until the server is ready for the next one; sets the connection's status.
 * @param text statements; of several, the last one's result counts, as in psycopg2
 * @param answers `every`: also keeps the results of the others, in `before`. `single`: the server rejects several
 * @throws the server's error, or the reason why the connection was abandoned
 */
export function sendMessage(connection: Connection, text: string, answers: Answers): Promise<RawResult> {
  return new Promise((resolve, reject) => {
    const { client } = connection;
    let fields: readonly ResultField[] | null = null;
    let rows: (string | null)[][] = [];
    let last: RawResult = { tag: '', fields: null, rows: [] };
    let before: RawResult[] | undefined;
    let failure: unknown;
    const finish = (): void => {
      connection.status = client.getTransactionStatus() ?? 'I';
      if (failure === undefined) resolve(before === undefined ? last : { ...last, before });
      else reject(connection.lost ?? failure);
    };
    const lose = (): void => {
      connection.broken = true;
      finish();
    };
    client.query({
      callback() {},
      submit(wire: Pick<pg.Connection, 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'sync'>) {
        if (answers !== 'single') return wire.query(text);
        wire.parse({ name: '', text, types: [] }, true);
        wire.bind({}, true);
        wire.describe({ type: 'P', name: '' }, true);
        wire.execute({}, true);
        wire.sync();
      },
      handleRowDescription(message: { fields: readonly { name: string; dataTypeID: number }[] }) {
        fields = message.fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID }));
        rows = [];
      },
      handleDataRow(message: { fields: (string | null)[] }) {
        rows.push(message.fields);
      },
      handleCommandComplete(message: { text: string }) {
        if (answers === 'every' && last.tag !== '') (before ??= []).push(last);
        last = { tag: message.text, fields, rows };
        fields = null;
        rows = [];
      },
      handleEmptyQuery() {
        last = { tag: '', fields: null, rows: [] };
      },
      handleCopyInResponse(wire: Wire) {
        wire.sendCopyFail('COPY FROM STDIN needs a file: not possible in a statement');
      },
      handleCopyData() {},
      handlePortalSuspended() {},
      handleReadyForQuery: finish,
      // `pg` drops the query here; the server becomes ready only later.
      handleError(error: unknown) {
        failure = error;
        if (connection.broken || !isOpen(connection)) lose();
        else void ready(connection).then(finish, lose);
      },
    });
  });
}

function isOpen({ client }: Connection): boolean {
  return !client._ended && client._queryable;
}

/** Resolves with the server's next ReadyForQuery. Nothing else is in flight on this connection. */
function ready({ client }: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    const wire = client.connection;
    const done = (): void => {
      wire.off('end', lost);
      resolve();
    };
    const lost = (): void => {
      wire.off('readyForQuery', done);
      reject(new Error('Connection terminated'));
    };
    wire.once('readyForQuery', done);
    wire.once('end', lost);
  });
}

/**
 * dbt's response of a statement: the tag, the tag without numbers, the number of rows (for SHOW and EXPLAIN, of those
 * received).
 */
export function responseOf({ tag, fields, rows: found }: RawResult): AdapterResponse {
  if (!/\d$/.test(tag)) return { _message: tag, code: tag, rows_affected: fields === null ? -1 : found.length };
  const words = tag.split(' ').filter((word) => word !== '');
  const rows = /^(?:INSERT \d+|SELECT|UPDATE|DELETE|MERGE|MOVE|FETCH|COPY) (\d+)$/.exec(tag);
  return {
    _message: tag,
    code: words.filter((word) => !/^\d+$/.test(word)).join(' '),
    rows_affected: rows ? Number(rows[1]) : -1,
  };
}
