// Errors of a project, its profile, its settings and its files. Errors of packages are in dependencies.ts, errors of
// parsed files in parsing.ts.
import { type Facts, row } from './row.ts';

export const PROJECT_ERRORS = {
  exclusiveOptions: row<Facts<'one' | 'other'>>(
    'T1020',
    'usage',
    (f) => `${f.one}: not allowed with argument ${f.other}`,
  ),
  eventTimeAlone: row<Facts<'given' | 'absent'>>(
    'T1021',
    'usage',
    (f) =>
      `The flag \`${f.given}\` was specified, but \`${f.absent}\` was not. When specifying \`${f.given}\`, \`` +
      `${f.absent}\` must also be present.`,
  ),
  eventTimesReversed: row(
    'T1022',
    'usage',
    () => 'Value for `--event-time-start` must be less than `--event-time-end`',
  ),
  badOptionText: row<Facts<'option' | 'why'>>('T1023', 'usage', (f) => `Invalid value for ${f.option}: ${f.why}`),
  packageWithoutName: row('T1103', 'project', () => 'Package defined in dbt_project.yml must have a name!'),
  packagesTwice: row(
    'T1104',
    'project',
    () => "The 'packages' key cannot be specified in both packages.yml and dependencies.yml",
  ),
  projectsInPackages: row('T1105', 'project', () => "The 'projects' key cannot be specified in packages.yml"),
  badPackagesFile: row<Facts<'why'>>(
    'T1106',
    'project',
    (f) =>
      'The packages.yml file in this project is malformed. Please double check\nthe contents of this file ' +
      'and fix any errors before retrying.\n\nYou can find more information on the syntax for this file ' +
      `here:\nhttps://docs.getdbt.com/docs/package-management\n\nValidator Error:\n${f.why}\n`,
  ),
  noProjectFile: row<Facts<'path'>>(
    'T1107',
    'project',
    (f) =>
      `No dbt_project.yml found at expected path ${f.path}\nVerify that each entry within packages.yml ` +
      '(and their transitive dependencies) contains a file named dbt_project.yml\n',
  ),
  projectNoDictionary: row('T1108', 'project', () => 'dbt_project.yml does not parse to a dictionary'),
  packagesNoDictionary: row<Facts<'file'>>(
    'T3089',
    'runtime',
    (f) => `${f.file} does not parse to a dictionary`,
    (f) => `${f.file} has a list below one key:\npackages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0`,
  ),
  varsTwice: row('T1109', 'project', () => 'Variables cannot be defined in both vars.yml and dbt_project.yml. '),
  projectWithoutName: row('T1110', 'project', () => 'Required "name" field not present in project'),
  oldAndNewKey: row<Facts<'old' | 'new'>>(
    'T1111',
    'project',
    (f) =>
      `${f.old} and ${f.new} cannot both be defined. The \`${f.old}\` config has been deprecated in favor of ` +
      `\`${f.new}\`. Please update your \`dbt_project.yml\` configuration to reflect this change.`,
  ),
  badProjectKey: row<Facts<'problem'>>('T1112', 'project', (f) => `${f.problem}`),
  packageNotRead: row<Facts<'why'>>('T1113', 'project', (f) => `Failed to read package: ${f.why}`),
  flagsTwice: row(
    'T1125',
    'project',
    () =>
      "Do not specify both 'config' in profiles.yml and 'flags' in dbt_project.yml. Using 'config' in profiles.yml " +
      'is deprecated.',
  ),
  badCatalogsFile: row<Facts<'why'>>('T1122', 'project', (f) => `${f.why}`),
  catalogTypeUnsupported: row<Facts<'type'>>(
    'T1123',
    'project',
    (f) => `Catalog type is not supported.\nReceived: ${f.type}\nExpected one of: `,
    () => 'Neither adapter writes through a catalog: remove catalogs.yml; `publications` write Iceberg tables.',
  ),
  catalogsUnsupported: row<Facts<'adapter'>>(
    'T1124',
    'project',
    (f) =>
      `Adapter '${f.adapter}' does not support catalogs.yml v2 yet. Use catalogs.yml v1 or upgrade to a supported ` +
      'adapter version.',
    () => 'Neither adapter writes through a catalog: remove catalogs.yml; `publications` write Iceberg tables.',
  ),
  versionsNeverSatisfied: row<Facts<'package' | 'versions' | 'advice'>>(
    'T1114',
    'project',
    (f) =>
      `The package version requirement can never be satisfied for the '${f.package}\npackage.\n  Required ` +
      `versions of dbt for '${f.package}': ${f.versions}\n${f.advice}`,
  ),
  versionNotSupported: row<Facts<'package' | 'installed' | 'versions' | 'advice'>>(
    'T1115',
    'project',
    (f) =>
      `This version of dbt is not supported with the '${f.package}' package.\n  Installed version of dbt: =` +
      `${f.installed}\n  Required version of dbt for '${f.package}': ${f.versions}\n${f.advice}`,
  ),
  badVersion: row<Facts<'version'>>('T1116', 'project', (f) => `"${f.version}" is not a valid semantic version.`),
  warnOptionTwice: row<Facts<'old' | 'new'>>(
    'T1117',
    'project',
    (f) => `Only \`${f.old}\` or \`${f.new}\` can be specified in \`warn_error_options\`, not both`,
  ),
  profileNotFound: row<Facts<'profile'>>('T1205', 'profile', (f) => `Could not find profile named '${f.profile}'`),
  emptyProfile: row<Facts<'profile'>>(
    'T1206',
    'profile',
    (f) =>
      `\ndbt encountered an error while trying to read your profiles.yml file.\n\nProfile ${f.profile} in ` +
      'profiles.yml is empty\n',
  ),
  profileWithoutOutputs: row<Facts<'profile'>>(
    'T1207',
    'profile',
    (f) => `outputs not specified in profile '${f.profile}'`,
  ),
  targetNotFound: row<Facts<'profile' | 'target' | 'targets'>>(
    'T1208',
    'profile',
    (f) =>
      `The profile '${f.profile}' does not have a target named '${f.target}'. The valid target names for ` +
      `this profile are:\n${f.targets}`,
  ),
  badTarget: row<Facts<'target' | 'profile'>>(
    'T1209',
    'profile',
    (f) => `output '${f.target}' of profile '${f.profile}' is misconfigured in profiles.yml`,
  ),
  targetWithoutType: row<Facts<'profile' | 'target'>>(
    'T1210',
    'profile',
    (f) => `required field "type" not found in profile ${f.profile} and target ${f.target}`,
  ),
  badCredentials: row<Facts<'profile' | 'target' | 'why'>>(
    'T1211',
    'profile',
    (f) => `Credentials in profile "${f.profile}", target "${f.target}" invalid: ${f.why}`,
  ),
  threadsNotAnInteger: row<Facts<'value'>>(
    'T1212',
    'profile',
    (f) => `at path ['threads']: ${f.value} is not of type 'integer'`,
  ),
  noProfileNamed: row<Facts<'folder'>>(
    'T1213',
    'profile',
    (f) =>
      'dbt cannot run because no profile was specified for this dbt project.\nTo specify a profile for ' +
      'this project, add a line like the this to\nyour dbt_project.yml file:\n\nprofile: [profile name]\n\n' +
      'Here, [profile name] should be replaced with a profile name\ndefined in your profiles.yml file. You ' +
      `can find profiles.yml here:\n\n${f.folder}/profiles.yml\n`,
  ),
  profilesNotYaml: row<Facts<'path' | 'why'>>('T1214', 'profile', (f) => `${f.path} is not YAML: ${f.why}`),
  packagesNotInstalled: row<Facts<'expected' | 'file' | 'found' | 'folder' | 'missing'>>(
    'T2120',
    'compilation',
    (f) =>
      `dbt expects ${f.expected} package(s) based on packages specified in ${f.file}, but found only ` +
      `${f.found} package(s) installed in ${f.folder}. ${f.missing}Run "dbt deps" to install package ` +
      'dependencies.',
  ),
  settingNotRendered: row<Facts<'text' | 'why'>>('T2121', 'compilation', (f) => `Could not render ${f.text}: ${f.why}`),
  duplicatePackage: row<Facts<'package'>>(
    'T2122',
    'compilation',
    (f) =>
      `dbt found more than one package with the name "${f.package}" included in this project. Package ` +
      'names must be unique in a project. Please rename one of these packages.',
  ),
  badErrorOption: row('T2510', 'validation', () => "error must be one of ('all', '*') or a list of strings"),
  warnWithoutError: row(
    'T2511',
    'validation',
    () =>
      "`warn` can only be specified if `error` is one of ('all', '*') or Deprecations is in `error` or " + 'silence.',
  ),
  unknownEventName: row<Facts<'name'>>('T2512', 'validation', (f) => `${f.name} is not a valid dbt error name.`),
  cleanRefused: row<Facts<'what' | 'paths'>>(
    'T3030',
    'runtime',
    (f) => `dbt will not clean the following ${f.what}: [${f.paths}]`,
  ),
  envFileTooLong: row<Facts<'limit' | 'name'>>(
    'T3031',
    'runtime',
    (f) => `What the values name by \${...} comes to more than ${f.limit} characters at \${${f.name}}`,
  ),
  fileVanished: row<Facts<'why'>>(
    'T3032',
    'runtime',
    (f) => `A file disappeared or changed while reading: ${f.why}. Run the command again`,
  ),
  folderNotRead: row<Facts<'folder' | 'why'>>(
    'T3033',
    'runtime',
    (f) => `Could not read the folder ${f.folder}: ${f.why}`,
  ),
  fileNotUtf8: row<Facts<'path'>>('T3034', 'runtime', (f) => `${f.path} is not UTF-8 text`),
  notAPlainFile: row<Facts<'path' | 'kind'>>(
    'T3035',
    'runtime',
    (f) => `${f.path} is ${f.kind}, expected a regular file`,
  ),
  fileTooLarge: row<Facts<'path' | 'size' | 'limit'>>(
    'T3036',
    'runtime',
    (f) => `${f.path} has ${f.size} bytes; the limit is ${f.limit}`,
  ),
  fileNotRead: row<Facts<'path' | 'why'>>('T3037', 'runtime', (f) => `${f.path} cannot be read: ${f.why}`),
  builtInMacrosMissing: row<Facts<'folder'>>(
    'T9062',
    'internal',
    (f) => `The built-in macros are missing next to ${f.folder}`,
  ),
  reservedProjectName: row<Facts<'name'>>(
    'T1119',
    'project',
    (f) => `at path []: Invalid project name: ${f.name} is a reserved word`,
  ),
  badDispatch: row<Facts<'entry'>>(
    'T1120',
    'project',
    (f) => `at path []: Invalid project dispatch config: ${f.entry}`,
  ),
  testsAndDataTests: row(
    'T1121',
    'project',
    () => "at path []: Invalid project config: cannot have both 'tests' and 'data_tests' defined",
  ),
  profilesNotRead: row<Facts<'why'>>(
    'T1215',
    'profile',
    (f) => `\ndbt encountered an error while trying to read your profiles.yml file.\n\n${f.why}\n`,
  ),
  badBuiltInTarget: row<Facts<'why'>>('T1216', 'profile', (f) => `${f.why}`),
  outsidePath: row<Facts<'setting' | 'path' | 'real' | 'folder'>>(
    'T1140',
    'project',
    (f) =>
      `${f.setting}: '${f.path}' ${f.real === f.path ? 'is' : `leads to ${f.real},`} outside of ${f.folder}. ` +
      'Move it into that folder, or allow it with --allow-outside-paths',
  ),
  deepYamlText: row('T2521', 'validation', () => 'The YAML is nested too deeply'),
  deepYamlFile: row('T3039', 'runtime', () => 'The YAML is nested too deeply'),
  badYamlText: row<Facts<'line' | 'lines' | 'rule' | 'problem' | 'column'>>(
    'T2522',
    'validation',
    (f) =>
      `Syntax error near line ${f.line}\n${f.lines}\n\nRaw Error:\n${f.rule}\n${f.problem}\n` +
      `  in "<unicode string>", line ${f.line}, column ${f.column}`,
  ),
  badYamlFile: row<Facts<'line' | 'lines' | 'rule' | 'problem' | 'column'>>(
    'T3040',
    'runtime',
    (f) =>
      `Syntax error near line ${f.line}\n${f.lines}\n\nRaw Error:\n${f.rule}\n${f.problem}\n` +
      `  in "<unicode string>", line ${f.line}, column ${f.column}`,
  ),
};
