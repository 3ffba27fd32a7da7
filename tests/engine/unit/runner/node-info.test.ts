// What an event of a template tells of its node, as dbt 1.12 writes it into its JSON log.
import { expect, test } from 'vitest';
import type { GraphNode } from '../../../../src/contracts/node.ts';
import { eventOf } from '../../../../src/events/index.ts';
import type { LogEvent } from '../../../../src/log.ts';
import { type NodeProgress, nodeInfo, templateLogger } from '../../../../src/runner/node-info.ts';
import { PyFloat } from '../../../../src/values/index.ts';

const node = (meta: unknown): GraphNode =>
  ({
    name: 'a',
    path: 'a.sql',
    resource_type: 'model',
    unique_id: 'model.shop.a',
    config: { materialized: 'view' },
    meta,
  }) as unknown as GraphNode;
const running = (meta: unknown): NodeProgress => ({
  node: node(meta),
  started: '',
  finished: '',
  status: 'compiling',
  cost: null,
  index: 1,
  total: 1,
  thread: 'Thread-1 (worker)',
});

test('node_info keeps lists, dicts, null and numbers of meta', () => {
  const meta = { list: [1, 'a', { b: null }], float: new PyFloat(1), big: 12345678901234567890n, no: null, yes: true };
  expect(nodeInfo(running(meta))['meta']).toEqual({
    list: [1, 'a', { b: null }],
    float: 1,
    big: Number('12345678901234567890'),
    no: null,
    yes: true,
  });
});

test('a log() event names the node whose template is rendered, and its thread', () => {
  const seen: LogEvent[] = [];
  let current: NodeProgress | undefined = running({});
  const logger = templateLogger({ fire: (event) => seen.push(event) }, 'Thread-1 (worker)', () => current);
  for (const event of [
    eventOf('JinjaLogInfo', 'one', { msg: 'one' }),
    eventOf('JinjaLogDebug', 'two', { msg: 'two' }),
    eventOf('PrintEvent', 'three', { msg: 'three' }),
  ])
    logger.fire(event);
  const facts = () => seen.map(({ name, level, msg, thread, data }) => ({ name, level, msg, thread, data }));
  const thread = 'Thread-1 (worker)';
  const node_info = nodeInfo(running({}));
  expect(facts()).toEqual([
    { name: 'JinjaLogInfo', level: 'info', msg: 'one', thread, data: { msg: 'one', node_info } },
    { name: 'JinjaLogDebug', level: 'debug', msg: 'two', thread, data: { msg: 'two', node_info } },
    { name: 'PrintEvent', level: 'info', msg: 'three', thread, data: { msg: 'three' } },
  ]);
  current = undefined;
  seen.length = 0;
  logger.fire(eventOf('JinjaLogInfo', 'four', { msg: 'four' }));
  expect(facts()).toEqual([{ name: 'JinjaLogInfo', level: 'info', msg: 'four', thread, data: { msg: 'four' } }]);
});
