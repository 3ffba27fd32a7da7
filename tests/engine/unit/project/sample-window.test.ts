// `--sample`. Expectations from dbt-core 1.12.6: SampleWindow.from_relative_string and offset_timestamp.
import { describe, expect, it } from 'vitest';
import { sampleWindow } from '../../../../src/project/sample-window.ts';
import { toText } from '../../../../src/values/index.ts';

const now = Date.UTC(2024, 2, 31, 16, 6, 0);
const load = (text: string) => JSON.parse(text) as never;
const shown = (text: string): [string, string] => {
  const { start, end } = sampleWindow(text, load, now);
  return [toText(start), toText(end)];
};

describe('a sample window', () => {
  it.each([
    ['2 hours', '2024-03-31 14:06:00+00:00'],
    ['1 day', '2024-03-30 16:06:00+00:00'],
    ['1 month', '2024-02-29 16:06:00+00:00'],
    ['13 months', '2023-02-28 16:06:00+00:00'],
    ['1 year', '2023-03-31 16:06:00+00:00'],
  ])('of %s ends now', (text, start) => {
    expect(shown(text)).toEqual([start, '2024-03-31 16:06:00+00:00']);
  });

  it('can be given by its start and end', () => {
    expect(shown('{"start": "2025-01-01", "end": "2025-01-02 12:00:00"}')).toEqual([
      '2025-01-01 00:00:00+00:00',
      '2025-01-02 12:00:00+00:00',
    ]);
  });

  it.each([
    ['3', "Cannot load SAMPLE_WINDOW from '3'. Must be of form 'DAYS_INT GRAIN_SIZE'."],
    ['x days', "Unable to convert 'x' to an integer."],
    [
      '3 weeks',
      "Invalid grain size 'weeks'. Must be one of ['hour', 'day', 'month', 'year', 'hours', 'days', 'months', " +
        "'years'].",
    ],
    // dbt ends with a traceback.
    ['99999 years', "'99999 years' begins outside of the years 1 to 9999. Give a smaller number."],
    ['-99999999 hours', "'-99999999 hours' begins outside of the years 1 to 9999. Give a smaller number."],
    ['999999999999 days', "'999999999999 days' begins outside of the years 1 to 9999. Give a smaller number."],
  ])('%s is rejected', (text, words) => {
    expect(() => sampleWindow(text, load, now)).toThrow(words);
  });
});
