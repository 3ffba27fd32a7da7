// Fires dbt's event for an option whose text is not a YAML dictionary. Flags are not resolved yet, so the line's format
// depends on what was typed. main.ts reports the usage error itself.
import { randomUUID } from 'node:crypto';
import { TsdbtError } from '../errors.ts';
import { EVENTS, fire } from '../events/index.ts';
import type { Secrets } from '../secrets.ts';
import { consoleSink } from './log-sinks.ts';

/** The option that an error reports as invalid YAML, without its dashes. */
export function badYamlOption(error: unknown): string | undefined {
  if (!(error instanceof TsdbtError) || error.details.code !== EVENTS.InvalidOptionYAML.code) return undefined;
  return /'--([\w-]+)'/.exec(error.message)?.[1];
}

/** Writes the event to stdout: as JSON if requested, otherwise as text. dbt always writes text. */
export function sayBadYaml(option: string, argv: readonly string[], secrets: Secrets): void {
  const { env } = process;
  const typed = argv.findLastIndex((word) => word === '--log-format' || word.startsWith('--log-format='));
  const written = typed < 0 ? undefined : argv[typed] === '--log-format' ? argv[typed + 1] : argv[typed]?.slice(13);
  const format = written ?? env['DBT_ENGINE_LOG_FORMAT'] ?? env['DBT_LOG_FORMAT'];
  const logger = consoleSink(
    {
      format: format === 'json' || format === 'debug' ? format : 'text',
      level: 'error',
      colors: process.stdout.isTTY && !env['NO_COLOR'] && !argv.includes('--no-use-colors'),
      context: { invocationId: randomUUID(), pid: process.pid, extra: {} },
      secrets,
      cacheEvents: false,
    },
    (text) => void process.stdout.write(text),
  );
  fire(logger, 'InvalidOptionYAML', { option_name: option });
}
