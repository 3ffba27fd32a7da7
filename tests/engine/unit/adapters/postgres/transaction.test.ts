// Tests when and how a session's transaction begins (src/adapters/postgres/transaction.ts).
import { beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../../src/adapters/postgres/connection.ts';
import {
  beginText,
  SessionTransaction,
  type TransactionSettings,
} from '../../../../../src/adapters/postgres/transaction.ts';

const PLAIN: TransactionSettings = { role: null, searchPath: null, autocommit: false };
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';
const CHECKED = `${BEGIN}; SET LOCAL client_connection_check_interval = '2s'`;

describe('the text that begins a transaction', () => {
  it('sets the role, the search path and the check for the client', () => {
    expect(beginText(PLAIN, false)).toBe(BEGIN);
    expect(beginText(PLAIN, true)).toBe(CHECKED);
    expect(beginText({ ...PLAIN, role: 'r', searchPath: "a, 'b" }, false)).toBe(
      `${BEGIN}; SET LOCAL ROLE r; SET LOCAL search_path TO "a", "'b"`,
    );
  });
});

describe('a transaction', () => {
  let log: string[];
  let refuses: (text: string) => boolean;
  beforeEach(() => {
    log = [];
    refuses = () => false;
  });
  const open = (
    settings: TransactionSettings,
    pool: { checkInterval: boolean | undefined },
  ): { transaction: SessionTransaction; connection: Connection } => {
    const connection = { status: 'I', broken: false } as Connection;
    const sent = async (how: string, text: string): Promise<void> => {
      log.push(`${how} ${text}`);
      if (refuses(text)) throw new Error('refused');
      connection.status = text === 'ROLLBACK' ? 'I' : 'T';
    };
    const transaction = new SessionTransaction(settings, pool, {
      send: (_connection, text) => sent('send', text),
      sendBegin: (_connection, text) => sent('begin', text),
      logBegin: () => log.push('told'),
    });
    return { transaction, connection };
  };

  it('sends its BEGIN with the next statement if the server is known, as psycopg2 does once', async () => {
    const { transaction, connection } = open(PLAIN, { checkInterval: true });
    await transaction.beginOnce(connection);
    expect([transaction.open, transaction.isUnsent, log]).toEqual([false, true, ['told']]);
    expect(transaction.takeUnsent()).toBe(`${CHECKED}; `);
    expect(transaction.takeUnsent()).toBe('');
    await transaction.beginOnce(connection);
    expect(transaction.isUnsent).toBe(false);
    await transaction.begin(async () => connection);
    expect([transaction.open, transaction.isUnsent]).toEqual([true, true]);
    transaction.reset();
    expect([transaction.open, transaction.isUnsent]).toEqual([false, false]);
  });

  it('asks an unknown server whether it has the setting, and begins without it if not', async () => {
    const knows = { checkInterval: undefined };
    await open(PLAIN, knows).transaction.beginOnce(open(PLAIN, knows).connection);
    expect([knows.checkInterval, log]).toEqual([true, [`begin ${CHECKED}`]]);
    log = [];
    refuses = (text) => text === CHECKED;
    const old = { checkInterval: undefined };
    const { transaction, connection } = open(PLAIN, old);
    await transaction.beginOnce(connection);
    expect([old.checkInterval, log]).toEqual([false, [`begin ${CHECKED}`, 'send ROLLBACK', `begin ${BEGIN}`]]);
  });

  it('with a role begins at once, so that a refused role is the statement that failed', async () => {
    refuses = (text) => text.includes('ROLE');
    const { transaction, connection } = open({ ...PLAIN, role: 'r' }, { checkInterval: false });
    await expect(transaction.beginOnce(connection)).rejects.toThrow('refused');
    expect(log).toEqual([`begin ${BEGIN}; SET LOCAL ROLE r`]);
  });

  it('is not begun twice, and not at all in autocommit mode', async () => {
    const pool = { checkInterval: true };
    const begun = open(PLAIN, pool);
    begun.connection.status = 'T';
    await begun.transaction.begin(async () => begun.connection);
    expect([begun.transaction.open, begun.transaction.isUnsent, begun.transaction.commit()]).toEqual([
      true,
      false,
      true,
    ]);
    const alone = open({ ...PLAIN, autocommit: true }, pool);
    await alone.transaction.begin(() => Promise.reject(new Error('no connection is needed')));
    await alone.transaction.beginOnce(alone.connection);
    expect([alone.transaction.open, alone.transaction.isUnsent, alone.transaction.commit()]).toEqual([
      true,
      false,
      false,
    ]);
    expect(log).toEqual([]);
  });
});
