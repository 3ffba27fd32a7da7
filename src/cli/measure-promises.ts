// Measures rows and loaders for SLAs, with the project's adapter and the brokers of its sources. src/serve/sla/
// decides what is measured when, and evaluates it.
import { measureFreshness, type ParsedProject, TsdbtError } from '../index.ts';
import type { Measured } from '../serve/sla/evaluate-sla.ts';
import type { Measure } from '../serve/sla/sla-facts.ts';
import type { Promised } from '../serve/sla/sla-types.ts';
import type { CommandSession } from './command-session.ts';
import { now } from './command-session.ts';

/** @param adapter of the project's target; its owner closes it */
export function measuresPromises(
  session: CommandSession,
  parsed: ParsedProject,
  adapter?: ParsedProject['adapter'],
): Measure {
  return async (promises) => {
    const found = new Map<string, Measured>();
    const ages = promises.flatMap(({ key, subject, terms }) =>
      terms.kind === 'freshness' ? [{ key, uniqueId: subject.id, field: terms.field, filter: terms.filter }] : [],
    );
    const answers = await measureFreshness(parsed, ages, adapter);
    answers.forEach((answer, i) => {
      const key = ages[i]?.key;
      if (key !== undefined)
        found.set(key, answer instanceof TsdbtError ? failure(answer) : { kind: 'newest', ...answer });
    });
    const lags = promises.filter(({ terms }) => terms.kind === 'lag');
    if (lags.length > 0)
      for (const [key, measured] of await measureLags(session, parsed, lags)) found.set(key, measured);
    return found;
  };
}

async function measureLags(
  session: CommandSession,
  parsed: ParsedProject,
  promises: readonly Promised[],
): Promise<[string, Measured][]> {
  const { loaderLags } = await import('./commands/load.ts');
  try {
    const lags = await loaderLags(session, parsed, new Set(promises.map(({ subject }) => subject.id)));
    return promises.map(({ key, subject }) => {
      const lag = lags.get(subject.id);
      if (typeof lag === 'number') return [key, { kind: 'lag', ms: lag * 1000, at: now() }];
      return [key, { kind: 'error', reason: lag ?? 'nothing loads it' }];
    });
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    return promises.map(({ key }) => [key, failure(error)]);
  }
}

function failure(error: TsdbtError): Measured {
  return { kind: 'error', reason: error.message.split('\n')[0] ?? '' };
}
