// Applies `--warn-error` and `--warn-error-options`: a logger that throws for warnings that count as errors and drops
// silenced ones. It also reports each deprecation once per command, with a summary at the end.
import type { Flags } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { EVENTS } from '../events/index.ts';
import { type LogEvent, type Logger, pluralize, stripColors, yellow } from '../log.ts';
import { warningDisposition } from '../project/warn-error-options.ts';

/** Events below the level of warnings that still become errors. */
const HEEDED = new Set(['TypeCodeNotFound']);
/** Warnings that report a result whose status is already decided: they never become errors. */
const REPORTS = new Set(['LogTestResult', 'LogFreshnessResult', 'RunResultWarning', 'RunResultWarningMessage', 'Note']);

/** Warnings that the options reach only under the flag `require_all_warnings_handled_by_warn_error`, dbt's default. */
const REACHED_BY_FLAG = new Set([
  'FreshnessConfigProblem',
  'MicrobatchModelNoEventTimeInputs',
  'SelectExcludeIgnoredWithSelectorWarning',
  'SemanticValidationFailure',
  'WarnStateTargetEqual',
]);

/** Deprecations that are always shown and are missing from the final summary. */
const UNCOUNTED = new Set(['CollectFreshnessReturnSignature', 'SpacesInResourceNameDeprecation']);

/**
 * Deprecations that contain their name only with the flag `require_event_names_in_deprecations`. Those of the second
 * pattern then also say that they are deprecations.
 */
const NAMED_BY_FLAG = /^D0(0[1-9]|1[013])$/;
const TAGGED_BY_FLAG = /^(D01[4-9]|D020|I065)$/;
/** The tag of a text that is already colored. */
const TAG = yellow('WARNING');
/** Warnings that dbt wraps at the width of its printer. */
const WRAPPED = /^(D0(?!08|13)\d\d|I068|I075|E048|E049|E050)$/;

/** A warning in dbt's printed form: tag, color, name, lines of at most `printer_width` (dbt/events/types.py). */
function worded(event: LogEvent, flags: Flags): LogEvent {
  const [, name = '', rest = ''] = /^\[WARNING\](\[\w+\])?: ([\s\S]*)$/.exec(event.msg.replace(TAG, 'WARNING')) ?? [];
  if (rest === '') return event;
  let text = `${name}: ${rest.replace(/^(Deprecated functionality)\n+/, '$1\n')}`;
  if (NAMED_BY_FLAG.test(event.code) || TAGGED_BY_FLAG.test(event.code)) {
    const said = rest.replace(/^Deprecated functionality\n+/, '');
    text =
      flags['require_event_names_in_deprecations'] === true
        ? `[${event.name}]: Deprecated functionality\n${said}`
        : TAGGED_BY_FLAG.test(event.code)
          ? `: ${said}`
          : `: Deprecated functionality\n${said}`;
  }
  const filled = (lines: string): string =>
    lines
      .split('\n')
      .map((line) => wrapped(line, Math.max(flags.printer_width ?? 80, 1)))
      .join('\n');
  if (event.name === 'WrongResourceSchemaFile') text = `: ${filled(rest)}`;
  text = `[${flags['use_colors'] === true ? yellow('WARNING') : 'WARNING'}]${text}`;
  const msg = WRAPPED.test(event.code) ? filled(text) : text;
  return { name: event.name, code: event.code, level: event.level, data: event.data, thread: event.thread, msg };
}

/** Python's `textwrap.fill`: breaks at blanks, and within a word only when it is longer than a line. */
function wrapped(line: string, width: number): string {
  const out: string[] = [];
  let current = '';
  for (let chunk of line.split(/(\s+)/)) {
    while (chunk !== '') {
      if (current.length + chunk.length <= width) {
        if (current !== '' || out.length === 0 || chunk.trim() !== '') current += chunk;
        break;
      }
      if (current === '' && chunk.trim() !== '') {
        current = chunk.slice(0, width);
        chunk = chunk.slice(width);
      }
      out.push(current.trimEnd());
      current = '';
      if (chunk.trim() === '') break;
    }
  }
  return [...out, ...(current.trim() === '' ? [] : [current.trimEnd()])].join('\n');
}

/**
 * `fire` of the returned logger throws a `compilation` error for a warning that counts as one. `summarize` reports how
 * often each deprecation occurred, silenced ones included; without any it reports nothing (dbt/deprecations.py).
 * @param flags of the command
 */
export function withWarnError(logger: Logger, flags: Flags): Logger & { summarize(): void } {
  const met = new Map<string, { event_name: string; event_code: string; occurrences: number }>();
  const all = flags['show_all_deprecations'] === true;
  const beyond = flags['require_all_warnings_handled_by_warn_error'] === false ? REACHED_BY_FLAG : new Set<string>();
  const fateOf = ({ name, code }: LogEvent): ReturnType<typeof warningDisposition> =>
    beyond.has(name) ? 'warn' : flags.warn_error ? 'error' : warningDisposition(flags.warn_error_options, name, code);
  return {
    fire(event) {
      if ((event.level === 'warn' && !REPORTS.has(event.name)) || HEEDED.has(event.name)) {
        const fate = fateOf(event);
        if (fate === 'error') {
          const { msg } = worded(event, flags);
          throw new TsdbtError('compilation', flags.use_colors ? msg : stripColors(msg), { code: event.code });
        }
        if (/^D\d/.test(event.code) && !UNCOUNTED.has(event.name)) {
          const earlier = met.get(event.name);
          if (earlier === undefined)
            met.set(event.name, { event_name: event.name, event_code: event.code, occurrences: 1 });
          else earlier.occurrences += 1;
          if (earlier !== undefined && !all) return;
        }
        if (fate === 'silence') return;
        logger.fire(worded(event, flags));
        return;
      }
      logger.fire(event);
    },
    summarize() {
      const { code } = EVENTS.DeprecationsSummary;
      if (met.size === 0 || warningDisposition(flags.warn_error_options, 'DeprecationsSummary', code) === 'silence')
        return;
      const summaries = [...met.values()];
      const hint = all
        ? ''
        : '\nTo see all deprecation instances instead of just the first occurrence of each, run command again ' +
          'with the `--show-all-deprecations` flag. You may also need to run with `--no-partial-parse` as some ' +
          'deprecations are only encountered during parsing.';
      const event: LogEvent = {
        name: 'DeprecationsSummary',
        code,
        level: 'warn',
        data: { summaries, show_all_hint: !all },
        msg:
          '[WARNING][DeprecationsSummary]: Deprecated functionality\nSummary of encountered deprecations:' +
          summaries.map((d) => `\n- ${d.event_name}: ${pluralize(d.occurrences, 'occurrence')}`).join('') +
          hint,
      };
      logger.fire(worded(event, flags));
    },
  };
}
