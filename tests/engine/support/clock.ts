// The environment that gives a command under test a clock of its own.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

/** @param time ISO 8601, at which the clock of each command starts */
export function clockAt(time: string): Readonly<Record<string, string>> {
  const script = pathToFileURL(join(import.meta.dirname, 'shifted-clock.mjs')).href;
  const options = [process.env['NODE_OPTIONS'], `--import=${script}`].filter(Boolean).join(' ');
  return { NODE_OPTIONS: options, TSDBT_TEST_CLOCK: new Date(time).toISOString() };
}
