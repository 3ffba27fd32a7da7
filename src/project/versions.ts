// Compares versions and ranges in dbt's notation: `require-dbt-version` against the implemented dbt version, and
// versions of packages.
import { errorOf } from '../error-table.ts';

/** The dbt version that templates, artifacts and packages see. */
export const DBT_VERSION = '1.12.6';

interface Version {
  matcher: string;
  numbers: readonly [number, number, number];
  prerelease: string | null;
  build: string | null;
}

const LONGEST_VERSION = 250;
const VERSION = new RegExp(
  String.raw`^(>=|>|<=|<|=)?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-?((?:0|[1-9]\d*` +
    String.raw`|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*` +
    String.raw`|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9A-Za-z-]*(?:\.[0-9A-Za-z-]*)*))?$`,
);

/**
 * The ranges of `require-dbt-version`, in dbt's normal spelling (`=1.0.0`, `>=1.0.0`).
 * @throws TsdbtError `project` for an invalid version
 */
export function parseVersionRanges(required: string | readonly string[]): string[] {
  const parts = typeof required === 'string' ? required.split(',') : required;
  return parts.map((part) => versionText(parseVersion(part)));
}

/**
 * Throws if dbt's version is outside the ranges of a package.
 * @param ranges from `parseVersionRanges`
 */
export function checkDbtVersion(ranges: readonly string[], packageName: string): void {
  const specs = ranges.map(parseVersion);
  const listed = `[${ranges.map((range) => `'${range}'`).join(', ')}]`;
  const advice =
    `Check for a different version of the '${packageName}' package, ` + 'or run dbt again with --no-version-check\n';
  if (specs.length > 1 && !satisfiable(specs)) {
    throw errorOf('versionsNeverSatisfied', { package: packageName, versions: listed, advice });
  }
  const installed = parseVersion(DBT_VERSION);
  if (!specs.every((spec) => accepts(spec, installed))) {
    throw errorOf('versionNotSupported', { package: packageName, installed: DBT_VERSION, versions: listed, advice });
  }
}

/**
 * Whether one version lies in every range.
 * @param ranges `>=1.0.0`, `=1.2.0` …
 * @throws TsdbtError `project` for an invalid version
 */
export function versionFits(version: string, ranges: readonly string[]): boolean {
  const parsed = parseVersion(version);
  return ranges.every((range) => accepts(parseVersion(range), parsed));
}

/** Whether the ranges have any version in common. */
export function rangesMeet(ranges: readonly string[]): boolean {
  return ranges.length < 2 || satisfiable(ranges.map(parseVersion));
}

/** Lower and upper bound of overlapping ranges, as dbt shows them: `>=1.0.0, <2.0.0`; `ANY` without bounds. */
export function rangeText(ranges: readonly string[]): string {
  const specs = ranges.map(parseVersion);
  const exact = specs.find((spec) => spec.matcher === '=');
  if (exact !== undefined) return `${versionText(exact)}, ${versionText(exact)}`;
  // Of two equal bounds, the exclusive one is tighter.
  const tightest = (matcher: '>' | '<'): Version | undefined =>
    specs
      .filter((spec) => spec.matcher.startsWith(matcher))
      .sort((a, b) => (matcher === '>' ? compare(b, a) : compare(a, b)) || a.matcher.length - b.matcher.length)[0];
  return (
    [tightest('>'), tightest('<')]
      .filter((end) => end !== undefined)
      .map(versionText)
      .join(', ') || 'ANY'
  );
}

/** A version or range in dbt's spelling, with its operator: `=1.0.0`. @throws TsdbtError `project` */
export function normalVersion(text: string): string {
  return versionText(parseVersion(text));
}

/** Compares two exact versions: negative when `a` is older. */
export function compareVersions(a: string, b: string): number {
  return compare(parseVersion(a), parseVersion(b));
}

/** Whether a version or range names a prerelease: `1.0.0-rc1`. */
export function isPrerelease(version: string): boolean {
  return parseVersion(version).prerelease !== null;
}

function parseVersion(text: string): Version {
  const match = text.length > LONGEST_VERSION ? null : VERSION.exec(text);
  if (match === null) throw errorOf('badVersion', { version: text });
  return {
    matcher: match[1] ?? '=',
    numbers: [Number(match[2]), Number(match[3]), Number(match[4])],
    prerelease: match[5] ?? null,
    build: match[6] ?? null,
  };
}

function versionText(version: Version): string {
  const { matcher, numbers, prerelease, build } = version;
  const tail = (prerelease === null ? '' : `-${prerelease}`) + (build === null ? '' : `+${build}`);
  return `${matcher}${numbers.join('.')}${tail}`;
}

function accepts(spec: Version, version: Version): boolean {
  const order = compare(version, spec);
  switch (spec.matcher) {
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '<':
      return order < 0 && !(version.prerelease !== null && spec.prerelease === null && sameNumbers(version, spec));
    case '<=':
      return order <= 0;
    default:
      return order === 0;
  }
}

/** Whether any version lies in all ranges. */
function satisfiable(specs: readonly Version[]): boolean {
  const exact = specs.filter((spec) => spec.matcher === '=');
  if (exact[0] !== undefined) return specs.every((spec) => exact[0] !== undefined && accepts(spec, exact[0]));
  const lower = specs.filter((spec) => spec.matcher.startsWith('>'));
  const upper = specs.filter((spec) => spec.matcher.startsWith('<'));
  return lower.every((low) =>
    upper.every((high) => {
      const order = compare(low, high);
      return order < 0 || (order === 0 && low.matcher === '>=' && high.matcher === '<=');
    }),
  );
}

function sameNumbers(a: Version, b: Version): boolean {
  return a.numbers.every((number, i) => number === b.numbers[i]);
}

function compare(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) {
    const difference = (a.numbers[i] ?? 0) - (b.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.prerelease === b.prerelease) return 0;
  if (a.prerelease === null) return 1;
  if (b.prerelease === null) return -1;
  const left = a.prerelease.split('.');
  const right = b.prerelease.split('.');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareTag(left[i] ?? '', right[i] ?? '');
    if (order !== 0) return order;
  }
  return a.prerelease.length - b.prerelease.length;
}

function compareTag(a: string, b: string): number {
  const [first, second] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (first && second) return Number(a) - Number(b);
  if (first !== second) return first ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
