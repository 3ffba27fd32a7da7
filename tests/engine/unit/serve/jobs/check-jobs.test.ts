// Jobs against a project: what selects nothing, sources that are not there, tables with two loaders.
import { describe, expect, it } from 'vitest';
import { errorOf } from '../../../../../src/error-table.ts';
import { formatError } from '../../../../../src/errors.ts';
import { checkJobs, type ProjectSelection } from '../../../../../src/serve/jobs/check-jobs.ts';
import { readJobs } from '../../../../../src/serve/jobs/read-jobs.ts';

const SOURCES = ['source:raw.events', 'source:raw.users'];
const NODES: Readonly<Record<string, readonly string[]>> = { 'tag:fast': ['model.x.a'], nightly: ['model.x.b'] };

const project: ProjectSelection = {
  known: () => SOURCES,
  names: () => ['customers', 'tag:daily'],
  sources: (criterion) => SOURCES.filter((source) => source === criterion),
  select: (work) => {
    const words = work.kind === 'command' && work.selector !== null ? [work.selector] : (work.select ?? ['tag:fast']);
    return words.flatMap((word) => {
      if (word.startsWith('tagg:')) throw errorOf('unknownMethod', { method: 'tagg', known: "did you mean 'tag'?" });
      if (word === 'source:*') return SOURCES;
      return word.startsWith('source:') ? SOURCES.filter((source) => source === word) : (NODES[word] ?? []);
    });
  },
};

function checked(jobs: string): string {
  const text = `jobs:\n${jobs}`;
  const file = readJobs({ path: 'jobs.yml', text, render: (value) => value, onSecret: () => undefined });
  try {
    checkJobs(file, project);
  } catch (error) {
    return formatError(error);
  }
  return 'good';
}

describe('the check of jobs against the project', () => {
  it.each([
    [
      '  a: { run: tag:fast }\n  b: { test: , selector: nightly }\n  c: { load: }\n' +
        '  d: { after: source:raw.users, run: }',
      'good',
    ],
    ['  a: { load: source:raw.users }\n  b: { load: source:raw.events }', 'good'],
    ['  a: { docs generate: }', 'good'],
  ])('accepts %s', (jobs, expected) => {
    expect(checked(jobs)).toBe(expected);
  });

  it.each([
    [
      '  good: { run: tag:fast }\n  bad: { every: 5m, run: "tag:slow tag:x", exclude: y }',
      "Job 'bad' of jobs.yml selects nothing: run tag:slow tag:x, without y\n    jobs.yml line 3",
    ],
    [
      '  bad: { build: +custmers+1 }',
      "selects nothing: build +custmers+1\n    jobs.yml line 2\n  did you mean 'customers'?",
    ],
    [
      '  bad: { build: tag:dayly }',
      "selects nothing: build tag:dayly\n    jobs.yml line 2\n  did you mean 'tag:daily'?",
    ],
    ['  bad: { test: , selector: daily }', 'selects nothing: test --selector daily\n    jobs.yml line 2'],
    ['  bad: { docs generate: tag:slow }', 'selects nothing: docs generate tag:slow\n    jobs.yml line 2'],
    [
      '  bad: { load: source:raw.visits }',
      'selects nothing: load source:raw.visits\n    jobs.yml line 2\n' +
        '  A source table is loaded when its meta.tsdbt.load names topics or a table.',
    ],
    [
      '  bad: { run: tagg:fast }',
      "Runtime Error\n  Job 'bad' of jobs.yml: 'tagg' is not a valid method name\n    jobs.yml line 2\n" +
        "  did you mean 'tag'?",
    ],
    [
      '  a: { load: }\n  b: { load: source:raw.events }',
      "Job 'b' of jobs.yml loads source:raw.events, which job 'a' loads, too\n    jobs.yml line 3\n" +
        '  One loader a table',
    ],
    [
      '  bad: { after: source:raw.event, run: }',
      "Job 'bad' of jobs.yml waits for source:raw.event, and the project has no such source\n    jobs.yml line 2\n" +
        "  did you mean 'source:raw.events'?",
    ],
  ])('rejects %s', (jobs, expected) => {
    expect(checked(jobs)).toContain(expected);
  });

  it('rethrows errors that are not about the selection', () => {
    const file = readJobs({
      path: 'x',
      text: 'jobs: {a: {run: }}',
      render: (value) => value,
      onSecret: () => undefined,
    });
    const broken = new Error('broken');
    const fails = (): never => {
      throw broken;
    };
    expect(() => checkJobs(file, { ...project, select: fails })).toThrow(broken);
  });
});
