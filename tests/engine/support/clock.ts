// Builds the environment that gives a command under test its own clock; shifted-clock.mjs replaces the clock.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

/** @param time ISO 8601: start of each command's clock */
export function clockAt(time: string): Readonly<Record<string, string>> {
  const script = pathToFileURL(join(import.meta.dirname, 'shifted-clock.mjs')).href;
  const options = [process.env['NODE_OPTIONS'], `--import=${script}`].filter(Boolean).join(' ');
  return { NODE_OPTIONS: options, TSDBT_TEST_CLOCK: new Date(time).toISOString() };
}
