// `deps --add-package`: adds an entry to packages.yml (or dependencies.yml), or replaces the one for the same package.
// install.ts installs it.
import { eventOf } from '../../events/index.ts';
import { existsSync, writeFileSync } from 'node:fs';
import type { Json } from '../../contracts/node.ts';
import type { Project } from '../../contracts/project.ts';
import type { Logger } from '../../log.ts';
import { fromJson, toRepr } from '../../values/index.ts';
import { checkedPackages, DEPENDENCIES_FILE, PACKAGES_FILE, readPackageList } from '../packages.ts';
import { asDictionary, loadYaml } from '../yaml.ts';
import { dumpPackageYaml } from './lock-file.ts';
import type { Entry } from './wanted.ts';
import { readFileText } from '../read-file.ts';

export interface AddedPackage {
  readonly name: string;
  readonly version: string | null;
  readonly source: string;
}

/**
 * Changes the file.
 * @throws TsdbtError `project` when the file would become malformed
 */
export function addPackage(project: Project, add: AddedPackage, logger: Logger): void {
  const list = readPackageList(project.project_root);
  const path = `${project.project_root}/${list.fromDependenciesFile ? DEPENDENCIES_FILE : PACKAGES_FILE}`;
  if (!existsSync(path)) {
    writeFileSync(path, 'packages: []\n');
    logger.fire(eventOf('Formatting', 'Created packages.yml'));
  }
  const data = asDictionary(loadYaml(readFileText(path), path)) ?? {};
  const kept = (Array.isArray(data['packages']) ? data['packages'] : []).filter((item) => {
    const entry = asDictionary(item) ?? {};
    const same = isSamePackage(entry, add.name);
    if (same)
      logger.fire(
        eventOf(
          'DepsFoundDuplicatePackage',
          `Found duplicate package in packages.yml, removing: ${toRepr(fromJson(entry))}`,
          { removed_package: entry },
        ),
      );
    return !same;
  });
  const key = add.source === 'hub' ? 'package' : add.source;
  const version: Json | null = add.version?.includes(',') === true ? add.version.split(',') : add.version;
  const entry: { [key: string]: Json } = {
    [key]: add.name,
    ...(version === null ? {} : { [add.source === 'git' ? 'revision' : 'version']: version }),
  };
  checkedPackages({ packages: [...kept, entry] });
  writeFileSync(path, dumpPackageYaml({ ...data, packages: [...kept, entry] }));
  logger.fire(
    eventOf('DepsAddPackage', `Added new package ${add.name}@${add.version ?? ''} to ${path}`, {
      package_name: add.name,
      version: add.version,
      packages_filepath: path,
    }),
  );
}

/** Whether an entry refers to the package; `_` and `-` are equal, and the owner may be missing. */
function isSamePackage(entry: Entry, name: string): boolean {
  const identifier = entry['package'] ?? entry['git'] ?? entry['local'] ?? entry['tarball'] ?? entry['private'];
  if (typeof identifier !== 'string') return false;
  const short = name.slice(name.lastIndexOf('/') + 1);
  return [name, short]
    .flatMap((text) => [text, text.replaceAll('_', '-'), text.replaceAll('-', '_')])
    .some((variant) => {
      const at = identifier.indexOf(variant);
      if (at === -1) return false;
      const before = identifier[at - 1];
      const after = identifier[at + variant.length];
      return (before === undefined || '/.'.includes(before)) && (after === undefined || '/.'.includes(after));
    });
}
