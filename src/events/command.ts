// Events around every command: program, arguments, output and end; also those of init, debug and clean.
import { errorTag } from '../log.ts';
import { event, message } from './event.ts';

export const COMMAND_EVENTS = {
  /** Lines that are not dbt events. */
  Note: message('Z050', 'info'),
  /** Requested output: lines of `ls`, of a template's print(), of a table. */
  PrintEvent: message('Z052', 'info'),
  /** An empty line or a separator. */
  Formatting: message('Z017', 'info'),
  MainReportVersion: event<{ readonly version: string; readonly log_version: number; readonly tsdbt: string }>(
    'A001',
    'info',
    ({ version, tsdbt }) => `Running with dbt${version} (tsdbt ${tsdbt})`,
  ),
  MainReportArgs: event<{ readonly args: Readonly<Record<string, string>> }>(
    'A002',
    'debug',
    ({ args }) => `running dbt with arguments ${JSON.stringify(args)}`,
  ),
  InvalidOptionYAML: event<{ readonly option_name: string }>('A008', 'error', ({ option_name }) =>
    errorTag(`The YAML provided in the --${option_name} argument is not valid.`),
  ),
  MainEncounteredError: event<{ readonly exc: string; readonly error_code: string }>('Z002', 'error', ({ exc }) =>
    errorTag(`Encountered an error:\n${exc}`),
  ),
  MainStackTrace: event<{ readonly stack_trace: string }>('Z003', 'debug', ({ stack_trace }) => stack_trace),
  CommandCompleted: event<{
    readonly command: string;
    readonly success: boolean;
    readonly completed_at: string;
    readonly elapsed: number;
  }>(
    'Q039',
    'debug',
    (e) =>
      `Command \`${e.command}\` ${e.success ? 'succeeded' : 'failed'} at ${e.completed_at.slice(11, 23)} after ` +
      `${e.elapsed.toFixed(2)} seconds`,
  ),
  /** Resource use of the process in seconds, KiB and blocks; whole numbers as texts, as in dbt's log. */
  ResourceReport: event<{
    readonly command_name: string;
    readonly command_success: boolean;
    readonly command_wall_clock_time: number;
    readonly process_in_blocks: string;
    readonly process_kernel_time: number;
    readonly process_mem_max_rss: string;
    readonly process_out_blocks: string;
    readonly process_user_time: number;
  }>('Z051', 'debug', (e) => `Resource report: ${JSON.stringify(e)}`),
  DeprecationsSummary: message('D028', 'warn'),
  MissingProfileTarget: message('A005', 'info'),
  ConfigFolderDirectory: message('A018', 'info'),
  ProfileWrittenWithTargetTemplateYAML: message('A021', 'info'),
  ProfileWrittenWithProjectTemplateYAML: message('A022', 'info'),
  SettingUpProfile: message('A023', 'info'),
  InvalidProfileTemplateYAML: message('A024', 'info'),
  ProjectNameAlreadyExists: message('A025', 'info'),
  ProjectCreated: message('A026', 'info'),
  CheckCleanPath: message('Z012', 'info'),
  ConfirmCleanPath: message('Z013', 'info'),
  FinishedCleanPaths: message('Z015', 'info'),
  OpenCommand: event<{ readonly open_cmd: string; readonly profiles_dir: string }>(
    'Z016',
    'info',
    ({ open_cmd, profiles_dir }) => `To view your profiles.yml file, run:\n\n${open_cmd} ${profiles_dir}`,
  ),
  DebugCmdOut: message('Z047', 'info'),
  DebugCmdResult: message('Z048', 'info'),
};
