// `--warn-error` and `--warn-error-options` at work: a logger that raises the warnings which the options call errors and drops the
// silenced ones; and each deprecation said once a command, with a summary at its end.
import type { Flags } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { type Logger, pluralize, stripColors } from '../log.ts';
import { warningDisposition } from '../project/warn-error-options.ts';

/** Warnings that only tell of a result whose status is decided already: never turned into errors. */
const REPORTS = new Set(['LogTestResult', 'LogFreshnessResult', 'RunResultWarning', 'RunResultWarningMessage', 'Note']);

/**
 * `fire` of the result throws a `compilation` error for a warning that counts as one; `summarize` says which deprecations were met how
 * often, silenced ones too, and nothing when there was none (dbt/deprecations.py).
 * @param flags those of the command
 */
export function withWarnError(logger: Logger, flags: Flags): Logger & { summarize(): void } {
  const met = new Map<string, { event_name: string; event_code: string; occurrences: number }>();
  const all = flags['show_all_deprecations'] === true;
  return {
    fire(event) {
      if (event.level === 'warn' && !REPORTS.has(event.name)) {
        const fate = flags.warn_error ? 'error' : warningDisposition(flags.warn_error_options, event.name, event.code);
        if (fate === 'error') throw new TsdbtError('compilation', stripColors(event.msg), { code: event.code });
        if (/^D\d/.test(event.code)) {
          const earlier = met.get(event.name);
          if (earlier === undefined) met.set(event.name, { event_name: event.name, event_code: event.code, occurrences: 1 });
          else earlier.occurrences += 1;
          if (earlier !== undefined && !all) return;
        }
        if (fate === 'silence') return;
      }
      logger.fire(event);
    },
    summarize() {
      if (met.size === 0 || warningDisposition(flags.warn_error_options, 'DeprecationsSummary', 'D028') === 'silence') return;
      const summaries = [...met.values()];
      const hint = all ? '' : '\nTo see all deprecation instances instead of just the first occurrence of each, run command again with the `--show-all-deprecations` flag. You may also need to run with `--no-partial-parse` as some deprecations are only encountered during parsing.';
      logger.fire({
        name: 'DeprecationsSummary', code: 'D028', level: 'warn', data: { summaries, show_all_hint: !all },
        msg: `[WARNING][DeprecationsSummary]: Deprecated functionality\nSummary of encountered deprecations:${summaries.map((d) => `\n- ${d.event_name}: ${pluralize(d.occurrences, 'occurrence')}`).join('')}${hint}`,
      });
    },
  };
}
