// `--warn-error` and `--warn-error-options` at work: a logger that raises the warnings which the options call errors and drops the
// silenced ones; and each deprecation said once a command.
import type { Flags } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { type Logger, stripColors } from '../log.ts';
import { warningDisposition } from '../project/warn-error-options.ts';

/** Warnings that only tell of a result whose status is decided already: never turned into errors. */
const REPORTS = new Set(['LogTestResult', 'LogFreshnessResult', 'RunResultWarning', 'RunResultWarningMessage', 'Note']);

/**
 * `fire` of the result throws a `compilation` error for a warning that counts as one.
 * @param flags those of the command
 */
export function withWarnError(logger: Logger, flags: Flags): Logger {
  const said = new Set<string>();
  return {
    fire(event) {
      if (event.level === 'warn' && !REPORTS.has(event.name)) {
        const fate = flags.warn_error ? 'error' : warningDisposition(flags.warn_error_options, event.name, event.code);
        if (fate === 'silence') return;
        if (fate === 'error') throw new TsdbtError('compilation', stripColors(event.msg), { code: event.code });
        if (/^D\d/.test(event.code)) {
          if (said.has(event.name) && flags['show_all_deprecations'] !== true) return;
          said.add(event.name);
        }
      }
      logger.fire(event);
    },
  };
}
