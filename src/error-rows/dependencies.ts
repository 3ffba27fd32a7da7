// Errors of packages: lists, versions, downloads, installation.
import { type Facts, row } from './row.ts';

export const DEPENDENCY_ERRORS = {
  packageNotUnpacked: row<Facts<'package' | 'why'>>(
    'T1301',
    'dependency',
    (f) => `Could not unpack the package ${f.package}: ${f.why}`,
  ),
  packageHoldsUnsafe: row<Facts<'package' | 'what'>>(
    'T1302',
    'dependency',
    (f) => `The package ${f.package} contains ${f.what}. Nothing was installed.`,
  ),
  downloadFailed: row<Facts<'why'>>(
    'T1303',
    'dependency',
    (f) => `External connection exception occurred: ${f.why}`,
    () => 'If the server is unreachable, set another hub in DBT_PACKAGE_HUB_URL, or install from git: or local:.',
  ),
  subdirectoryOutside: row<Facts<'folder' | 'repository'>>(
    'T1304',
    'dependency',
    (f) => `The subdirectory '${f.folder}' of ${f.repository} is outside of the repository`,
  ),
  subdirectoryMissing: row<Facts<'repository' | 'folder' | 'revision'>>(
    'T1305',
    'dependency',
    (f) => `The repository ${f.repository} has no folder '${f.folder}' at revision ${f.revision}`,
  ),
  gitNotRun: row<Facts<'why'>>('T1306', 'dependency', (f) => `Could not run git: ${f.why}`),
  revisionNotCheckedOut: row<Facts<'revision' | 'repository' | 'why'>>(
    'T1307',
    'dependency',
    (f) => `Error checking out spec='${f.revision}' for repo ${f.repository}\n${f.why}`,
  ),
  duplicateDependency: row<Facts<'name'>>(
    'T1308',
    'dependency',
    (f) =>
      `Found duplicate project "${f.name}". This occurs when a dependency has the same project name as ` +
      'some other dependency.',
  ),
  dependencyNamedAsRoot: row<Facts<'name'>>(
    'T1309',
    'dependency',
    (f) =>
      `Found a dependency with the same name as the root project "${f.name}". Package names must be unique ` +
      'in a project. Please rename one of these packages.',
  ),
  installPathHoldsProject: row<Facts<'path'>>(
    'T1310',
    'dependency',
    (f) => `packages-install-path '${f.path}' contains the project itself, which would be deleted`,
  ),
  installPathHoldsMore: row<Facts<'path' | 'target' | 'entries'>>(
    'T1311',
    'dependency',
    (f) =>
      `packages-install-path '${f.path}' resolves to '${f.target}', which contains more than packages: ` +
      `${f.entries}. Nothing was installed.`,
  ),
  badPackageName: row<Facts<'name' | 'path'>>(
    'T1312',
    'dependency',
    (f) => `Invalid package name '${f.name}': resolves outside of the packages-install-path ('${f.path}')`,
  ),
  unrenderedTemplate: row<Facts<'entry'>>(
    'T1313',
    'dependency',
    (f) => `It contains a template, which is not rendered: ${f.entry}`,
  ),
  badListOfPackage: row<Facts<'package' | 'why'>>(
    'T1314',
    'dependency',
    (f) => `The package list of '${f.package}' is invalid: ${f.why}`,
  ),
  manyRevisions: row<Facts<'repository' | 'revisions'>>(
    'T1315',
    'dependency',
    (f) => `git dependencies should contain exactly one version. ${f.repository} contains: {${f.revisions}}`,
  ),
  noSuchVersion: row<Facts<'version' | 'package'>>(
    'T1316',
    'dependency',
    (f) => `The hub does not have version ${f.version} of ${f.package}`,
  ),
  folderOutsideProject: row<Facts<'folder'>>(
    'T1317',
    'dependency',
    (f) =>
      `A downloaded package refers to the folder '${f.folder}', which is outside of this project. ` +
      'Nothing was installed.',
  ),
  badPackageStructure: row<Facts<'archive' | 'package'>>(
    'T1318',
    'dependency',
    (f) =>
      `Incorrect structure for package extracted from ${f.archive}.The extracted package needs to follow ` +
      `the structure ${f.package}/<package_contents>.`,
  ),
  badHubAnswer: row<Facts<'package' | 'packages'>>(
    'T1319',
    'dependency',
    (f) => `The hub returned invalid dependencies for ${f.package}: ${f.packages}`,
  ),
  packageNotInIndex: row<Facts<'package'>>(
    'T1320',
    'dependency',
    (f) => `Package ${f.package} was not found in the package index`,
  ),
  contradictingVersions: row<Facts<'package' | 'versions'>>(
    'T1321',
    'dependency',
    (f) =>
      `Version error for package ${f.package}: Could not find a satisfactory version from options: ` + `${f.versions}`,
  ),
  noCompatibleVersion: row<Facts<'package' | 'range' | 'versions' | 'advice'>>(
    'T1322',
    'dependency',
    (f) =>
      `Could not find a matching compatible version for package ${f.package}\n  Requested range: ${f.range}` +
      `\n  Compatible versions: ${f.versions}\n${f.advice}`,
  ),
  mismatchedKinds: row<Facts<'one' | 'oneKind' | 'other' | 'otherKind'>>(
    'T1323',
    'dependency',
    (f) => `Cannot incorporate ${f.one} (${f.oneKind}) in ${f.other} (${f.otherKind}): mismatched types`,
  ),
  noPrivateUrl: row<Facts<'package' | 'provider'>>(
    'T1324',
    'dependency',
    (f) => `No matching Git URLs for private definition ${f.package} with provider ${f.provider}`,
  ),
  privateNameTooShort: row<Facts<'provider' | 'package'>>(
    'T1325',
    'dependency',
    (f) => `The '${f.provider}' provider requires org/project/repo format (3 parts), got: '${f.package}'`,
  ),
  badPrivatePackage: row<Facts<'package' | 'provider'>>(
    'T1326',
    'dependency',
    (f) =>
      `Invalid private package configuration: '${f.package}' provider: '${f.provider}'. Valid providers ` +
      'are: github, gitlab, ado, azure_devops',
  ),
  badProviderInfo: row(
    'T1327',
    'dependency',
    () =>
      'DBT_ENV_PRIVATE_GIT_PROVIDER_INFO is not JSON: expected a list of objects with org, url, token and ' +
      'provider',
  ),
  packageChanged: row<Facts<'package' | 'found' | 'expected'>>(
    'T1330',
    'dependency',
    (f) =>
      `The contents of package ${f.package} have changed since package-lock.yml was written: their SHA-256 is ` +
      `${f.found}, and ${f.expected} was expected. Nothing was installed. If the change is intended, run ` +
      'deps --upgrade',
  ),
  brokenArchive: row<Facts<'why'>>('T1328', 'dependency', (f) => `${f.why}`),
  incompleteHubAnswer: row<Facts<'version' | 'package' | 'keys'>>(
    'T1329',
    'dependency',
    (f) => `The hub's answer for version ${f.version} of ${f.package} has no ${f.keys}: it cannot be installed`,
  ),
};
