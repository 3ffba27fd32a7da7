// The topics of a target: one, several by name, or those whose name matches a pattern. What belongs to one topic
// (positions, gaps, rewinds) uses a view of the target with only this topic.
import { TsdbtError } from '../../errors.ts';
import type { BrokerClient, TopicInfo } from '../brokers/broker.ts';
import type { LoadTarget } from './load-target.ts';

const views = new WeakMap<LoadTarget, Map<string, LoadTarget>>();

/** The target with this topic alone; the same object each time. */
export function ofTopic(target: LoadTarget, topic: string): LoadTarget {
  if (target.topics === undefined && target.topic === topic) return target;
  const known = views.get(target) ?? new Map<string, LoadTarget>();
  views.set(target, known);
  const { topics: _, ...rest } = target;
  const view = known.get(topic) ?? { ...rest, topic };
  known.set(topic, view);
  return view;
}

/** Whether the target may have more than one topic. */
export function hasSeveral({ topics }: LoadTarget): boolean {
  return topics !== undefined;
}

/**
 * The current names of the target's topics. Without a pattern they may not exist.
 * @throws `runtime` error if no topic matches the pattern
 */
export async function topicNames(
  client: Pick<BrokerClient, 'matching'>,
  { topics, topic, path, name }: LoadTarget,
): Promise<readonly string[]> {
  if (!(topics instanceof RegExp)) return topics ?? [topic];
  const found = await client.matching(topics);
  if (found.length > 0) return found;
  throw new TsdbtError('runtime', `No topic matches ${topic}, the topic_pattern of source ${name}.`, {
    path,
    hint: 'Make one, or mend the pattern: the whole name must match.',
  });
}

/** Whether the target names the topic, so that it must exist. */
export function topicNamed({ topics, topic }: LoadTarget, name: string): boolean {
  if (topics === undefined) return topic === name;
  return !(topics instanceof RegExp) && topics.includes(name);
}

/** The topic; empty if it does not exist or may not be read. */
export async function topicsThere(client: Pick<BrokerClient, 'topics'>, name: string): Promise<readonly TopicInfo[]> {
  try {
    return await client.topics([name]);
  } catch (error) {
    if (error instanceof TsdbtError && error.kind === 'runtime') return [];
    throw error;
  }
}

/** A topic that both targets certainly load, for display; null: none is known. */
export function sharedTopic(one: LoadTarget, two: LoadTarget): string | null {
  const names = ({ topics, topic }: LoadTarget): readonly string[] =>
    topics === undefined ? [topic] : topics instanceof RegExp ? [] : topics;
  const has = ({ topics, topic }: LoadTarget, name: string): boolean =>
    topics === undefined ? topic === name : topics instanceof RegExp ? topics.test(name) : topics.includes(name);
  if (one.topics instanceof RegExp && two.topics instanceof RegExp) return one.topic === two.topic ? one.topic : null;
  return names(one).find((name) => has(two, name)) ?? names(two).find((name) => has(one, name)) ?? null;
}

/**
 * The expression of a `topic_pattern`, anchored at both ends.
 * @throws Error with the reason for the rejection: syntax that RE2 does not know, and repeated groups, can take forever
 */
export function topicPattern(text: string): RegExp {
  const plain = text.replaceAll(/\\[^1-9k]/g, '');
  if (/\\[1-9k]|\(\?(?!:)/.test(plain)) throw new Error('it may have no backreference, lookaround or flag');
  if (/\)(?:[*+]|\{\d+,\d*\})/.test(plain.replaceAll(/\[[^[\]]*\]/g, '')))
    throw new Error('a group in it may not be repeated by *, + or {n,}');
  return new RegExp(`^(?:${text})$`);
}
