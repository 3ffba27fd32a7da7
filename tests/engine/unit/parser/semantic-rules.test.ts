// Rules of the semantic layer beside what real dbt-core 1.12.6 said of the same projects: semantic/golden.json, made by
// `npm run oracle -- semantic-rules`.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/contracts/node.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import { parseProject } from '../../../../src/parser/build-manifest.ts';
import { parseInput } from '../../support/parse.ts';

interface Golden {
  readonly files: Readonly<Record<string, string>>;
  readonly flags: { readonly [name: string]: Json };
  readonly said: readonly (readonly [level: string, name: string, message: string])[];
  readonly error: string | null;
}

const golden = JSON.parse(readFileSync(new URL('semantic/golden.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Golden>
>;

/** The members of sets in their order, as golden.json has them. */
const sorted = (text: string): string =>
  text.replaceAll(/\{('[^{}:]*')\}/g, (_, inside: string) => `{${inside.split(', ').sort().join(', ')}}`);

describe('the rules of the semantic layer', () => {
  it.each(Object.entries(golden))('give the same messages as dbt for %s', async (_, { files, flags, said, error }) => {
    const heard: [string, string, string][] = [];
    const input = await parseInput(files, { flags });
    const logger: typeof input.logger = {
      fire: ({ level, name, data }) => {
        if (level === 'warn' || level === 'error') heard.push([level, name, sorted(String(data?.['msg'] ?? ''))]);
      },
    };
    let thrown: string | null = null;
    try {
      parseProject({ ...input, logger });
    } catch (caught) {
      if (!(caught instanceof TsdbtError)) throw caught;
      thrown = caught.message;
    }
    // Some messages of dbt's events are empty; ours are not.
    const silent = new Set(said.flatMap(([, name, message]) => (message === '' ? [name] : [])));
    for (const event of heard) if (silent.has(event[1])) event[2] = '';
    expect({ said: heard, error: thrown }).toEqual({ said, error: error?.replace(/^Parsing Error\n {2}/, '') ?? null });
  });
});

// dbt says the last sentence alone, without a place.
describe('a metric without type_params', () => {
  const lacks: [string, string][] = [
    ['type: cumulative, window: 7 days', 'input_metric is required for cumulative metrics.'],
    ['type: conversion, entity: e, conversion_metric: m', 'base_metric is required for conversion metrics.'],
    ['type: conversion, entity: e, base_metric: m', 'conversion_metric is required for conversion metrics.'],
    ['type: conversion, base_metric: m, conversion_metric: m', 'entity is required for conversion metrics.'],
  ];
  it.each(lacks)('is rejected if it has only %s', async (written, message) => {
    const input = await parseInput({ 'models/p.yml': `metrics:\n- {name: lacking, label: L, ${written}}\n` });
    expect(() => parseProject(input)).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({ line: 2 }),
        message: expect.stringContaining(message),
      }),
    );
  });
});
