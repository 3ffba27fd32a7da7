// Opens a session with the features of every session in a run: the query comment, statements in the debug log as dbt's
// events, and tables that print to the log.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { GraphNode } from '../contracts/node.ts';
import { type EventData, type EventName, type FactsOf, fire, note } from '../events/index.ts';
import type { RunContext } from './context.ts';
import { addCost } from './cost.ts';
import { type NodeProgress, nodeInfo } from './node-info.ts';

/**
 * @param p the running node, for `node_info` of its statements; a function if it changes
 * @param adapter of another database than the target
 */
export function openSession(
  ctx: RunContext,
  name: string,
  node: GraphNode,
  p?: NodeProgress | (() => NodeProgress | undefined),
  adapter: Adapter = ctx.adapter,
): Session {
  const { logger } = ctx;
  const comment = ctx.queryComment(node);
  const current = (): NodeProgress | undefined => (typeof p === 'function' ? p() : p);
  const thread = current()?.thread;
  const about = (): EventData => {
    const node = current();
    return node === undefined ? {} : { node_info: nodeInfo(node) };
  };
  const withComment = (sql: string): string => {
    const text = comment?.() ?? null;
    if (text === null) return sql;
    return text.append ? `${sql}\n/* ${text.text} */` : `/* ${text.text} */\n${sql}`;
  };
  const type = { conn_name: name, conn_type: adapter.type };
  const say = <N extends EventName>(event: N, facts: FactsOf<N>, data: EventData = facts as EventData): void =>
    fire(logger, event, facts, { data: () => ({ ...data, ...about() }), thread });
  // The log reports connections as dbt does; the pool decides which physical one is used.
  const names = adapter === ctx.adapter ? ctx.freeConnections : [];
  const former = names.pop();
  if (former === undefined) say('NewConnection', type);
  else if (former !== name) fire(logger, 'ConnectionReused', { orig_conn_name: former, conn_name: name }, { thread });
  const session = adapter.session({
    name,
    ofModels: true,
    comment,
    // The lease that a fence checks is stored in the target's database.
    fence: adapter === ctx.adapter ? ctx.fence : undefined,
    print: (msg) => fire(logger, 'PrintEvent', { msg }, { msg: msg.replace(/\n$/, '') }),
    onWait: (msg) => note(logger, msg, { thread }),
    onStatement({ sql, phase, ms = 0, response, cost, error }) {
      switch (phase) {
        case 'start':
          say('ConnectionUsed', type);
          fire(
            logger,
            'SQLQuery',
            { conn_name: name, sql: () => withComment(sql) },
            { data: () => ({ conn_name: name, sql: withComment(sql), ...about() }), thread },
          );
          break;
        case 'end':
          {
            const node = current();
            if (node !== undefined && cost != null) node.cost = addCost(node.cost, cost);
          }
          say('SQLQueryStatus', { status: response?._message ?? '', elapsed: ms / 1000 });
          break;
        case 'error': {
          const base_msg = error instanceof Error ? error.message : String(error);
          const facts = { name: adapter.type, base_msg };
          say('AdapterEventDebug', facts, { ...facts, args: [] });
          break;
        }
        default:
          phase satisfies never;
      }
    },
  });
  const release = session.release.bind(session);
  let held = true;
  session.release = () => {
    if (held) names.push(name);
    held = false;
    return release();
  };
  return session;
}
