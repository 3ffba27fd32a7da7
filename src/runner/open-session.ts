// A session for a piece of work, with what every session of a run has: the query comment, statements in the debug log
// under dbt's events, tables that print to the log. Decides nothing about transactions.
import type { Session } from '../adapters/adapter.ts';
import type { GraphNode } from '../contracts/node.ts';
import { LazyEvent } from '../log.ts';
import type { RunContext } from './context.ts';
import { type NodeProgress, nodeInfo } from './log.ts';

/** @param p the node that is being run, for `node_info` of its statements */
export function openSession(ctx: RunContext, name: string, node: GraphNode, p?: NodeProgress): Session {
  const { logger, adapter } = ctx;
  const comment = ctx.queryComment(node);
  const thread = p?.thread;
  const about = (): Record<string, unknown> => (p === undefined ? {} : { node_info: nodeInfo(p) });
  const withComment = (sql: string): string => {
    const text = comment?.() ?? null;
    if (text === null) return sql;
    return text.append ? `${sql}\n/* ${text.text} */` : `/* ${text.text} */\n${sql}`;
  };
  logger.fire(
    new LazyEvent(
      'NewConnection',
      'E005',
      'debug',
      () => `Acquiring new ${adapter.type} connection '${name}'`,
      () => ({ conn_name: name, conn_type: adapter.type, ...about() }),
      thread,
    ),
  );
  return adapter.session({
    name,
    comment,
    print: (msg) =>
      logger.fire({ name: 'PrintEvent', code: 'Z052', level: 'info', msg: msg.replace(/\n$/, ''), data: { msg } }),
    onWait: (msg) => logger.fire({ name: 'Note', code: 'Z050', level: 'info', msg, data: { msg }, thread }),
    onStatement: ({ sql, phase, ms, response, error }) => {
      switch (phase) {
        case 'start':
          logger.fire(
            new LazyEvent(
              'ConnectionUsed',
              'E015',
              'debug',
              () => `Using ${adapter.type} connection "${name}"`,
              () => ({ conn_name: name, conn_type: adapter.type, ...about() }),
              thread,
            ),
          );
          logger.fire(
            new LazyEvent(
              'SQLQuery',
              'E016',
              'debug',
              () => `On ${name}: ${withComment(sql)}`,
              () => ({ conn_name: name, sql: withComment(sql), ...about() }),
              thread,
            ),
          );
          break;
        case 'end':
          logger.fire(
            new LazyEvent(
              'SQLQueryStatus',
              'E017',
              'debug',
              () => `SQL status: ${response?._message ?? ''} in ${((ms ?? 0) / 1000).toFixed(3)} seconds`,
              () => ({ status: response?._message ?? '', elapsed: (ms ?? 0) / 1000, ...about() }),
              thread,
            ),
          );
          break;
        case 'error': {
          const text = error instanceof Error ? error.message : String(error);
          logger.fire(
            new LazyEvent(
              'AdapterEventDebug',
              'E001',
              'debug',
              () => `${adapter.type} adapter: ${adapter.type} error: ${text}`,
              () => ({ name: adapter.type, base_msg: text, args: [], ...about() }),
              thread,
            ),
          );
          break;
        }
        default:
          phase satisfies never;
      }
    },
  });
}
