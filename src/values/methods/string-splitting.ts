// Methods of str that split or strip text.
import { argumentBinder } from '../callable.ts';
import { typeError, valueError } from '../python-error.ts';
import { isTruthy } from '../truth.ts';
import { PyTuple } from '../tuple.ts';
import { typeName } from '../type-name.ts';
import type { Value } from '../value.ts';
import { isSpaceCharacter, splitLines, trimLeft, trimRight } from '../whitespace.ts';
import { checkArity } from './arity.ts';
import { indexArgument } from './list-methods.ts';
import type { Method } from './method.ts';

type Entry = readonly [string, Method<string>];

const bindSplit = argumentBinder('split', 'sep=None, maxsplit=-1');
const bindLines = argumentBinder('splitlines', 'keepends=False');

function split(name: string, fromRight: boolean): Entry {
  return [
    name,
    (self, args, kwargs) => {
      const [separator, most] = args.length === 0 && kwargs.size === 0 ? [null, -1] : bindSplit(args, kwargs);
      const limit = indexArgument(most as Value);
      if (separator === null) return fromRight ? splitSpaceRight(self, limit) : splitSpace(self, limit);
      if (typeof separator !== 'string') throw typeError(`must be str or None, not ${typeName(separator as Value)}`);
      if (separator === '') throw valueError('empty separator');
      const parts = self.split(separator);
      if (limit < 0 || parts.length <= limit + 1) return parts;
      if (fromRight)
        return [parts.slice(0, parts.length - limit).join(separator), ...parts.slice(parts.length - limit)];
      return [...parts.slice(0, limit), parts.slice(limit).join(separator)];
    },
  ];
}

function splitSpace(self: string, limit: number): string[] {
  const out: string[] = [];
  let rest = trimLeft(self);
  while (rest !== '') {
    if (limit >= 0 && out.length >= limit) {
      out.push(rest);
      break;
    }
    let end = 0;
    while (end < rest.length && !isSpaceCharacter(rest[end] as string)) end++;
    out.push(rest.slice(0, end));
    rest = trimLeft(rest.slice(end));
  }
  return out;
}

function splitSpaceRight(self: string, limit: number): string[] {
  const out: string[] = [];
  let rest = trimRight(self);
  while (rest !== '') {
    if (limit >= 0 && out.length >= limit) {
      out.push(rest);
      break;
    }
    let start = rest.length;
    while (start > 0 && !isSpaceCharacter(rest[start - 1] as string)) start--;
    out.push(rest.slice(start));
    rest = trimRight(rest.slice(0, start));
  }
  return out.reverse();
}

function partition(name: string, fromRight: boolean): Entry {
  return [
    name,
    (self, args, kwargs) => {
      checkArity(`str.${name}`, args, kwargs, 1, 1);
      const [separator] = args;
      if (typeof separator !== 'string') throw typeError(`must be str, not ${typeName(separator as Value)}`);
      if (separator === '') throw valueError('empty separator');
      const at = fromRight ? self.lastIndexOf(separator) : self.indexOf(separator);
      if (at < 0) return new PyTuple(fromRight ? ['', '', self] : [self, '', '']);
      return new PyTuple([self.slice(0, at), separator, self.slice(at + separator.length)]);
    },
  ];
}

function strip(name: 'strip' | 'lstrip' | 'rstrip'): Entry {
  return [
    name,
    (self, args, kwargs) => {
      if (args.length > 0 || kwargs.size > 0) checkArity(`str.${name}`, args, kwargs, 0, 1);
      const [chars = null] = args;
      if (chars === null) {
        const left = name === 'rstrip' ? self : trimLeft(self);
        return name === 'lstrip' ? left : trimRight(left);
      }
      if (typeof chars !== 'string') throw typeError(`${name} arg must be None or str`);
      const set = new Set(chars);
      const points = Array.from(self);
      let start = 0;
      let end = points.length;
      if (name !== 'rstrip') while (start < end && set.has(points[start] as string)) start++;
      if (name !== 'lstrip') while (end > start && set.has(points[end - 1] as string)) end--;
      return points.slice(start, end).join('');
    },
  ];
}

export const SPLITTING_METHODS: readonly Entry[] = [
  split('split', false),
  split('rsplit', true),
  ['splitlines', (self, args, kwargs) => splitLines(self, isTruthy(bindLines(args, kwargs)[0] as Value))],
  partition('partition', false),
  partition('rpartition', true),
  strip('strip'),
  strip('lstrip'),
  strip('rstrip'),
];
