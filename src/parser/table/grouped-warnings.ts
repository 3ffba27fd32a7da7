// Implements `enable_grouped_warn_error_parser_logs`: warnings are fired together after the parse, so that
// `--warn-error` reports all of them. The logger decides which warnings are errors.
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import type { LogEvent, Logger } from '../../log.ts';

/** Warnings that dbt 1.12 defers (its calls of `fire_or_defer_event`); others are fired at once. */
const HELD: ReadonlySet<string> = new Set([
  'WrongResourceSchemaFile',
  'NoNodeForYamlKey',
  'ValidationWarning',
  'UnsupportedConstraintMaterialization',
  'MacroNotFoundForPatch',
  'InvalidMacroAnnotation',
  'UnusedTables',
  'DeprecatedModel',
  'DeprecatedReference',
  'UpcomingReferenceDeprecation',
  'InvalidConcurrentBatchesConfig',
  'NodeNotFoundOrDisabled',
  'PackageNodeDependsOnRootProjectNode',
  'UnusedResourceConfigPath',
]);

/**
 * @returns a logger that defers these warnings, and `release`, which fires them and throws one `compilation` error for
 * all that count as errors
 */
export function groupWarnings(logger: Logger): Logger & { release(): void } {
  const held: LogEvent[] = [];
  return {
    fire(event) {
      if (event.level === 'warn' && HELD.has(event.name)) held.push(event);
      else logger.fire(event);
    },
    release() {
      const errors: string[] = [];
      for (const event of held.splice(0)) {
        try {
          logger.fire(event);
        } catch (error) {
          if (!(error instanceof TsdbtError)) throw error;
          errors.push(error.message);
        }
      }
      if (errors.length > 0) throw errorOf('warningsAsErrors', { warnings: errors.join('\n') });
    },
  };
}
