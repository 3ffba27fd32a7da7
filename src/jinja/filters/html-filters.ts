// Filters for HTML, URLs and JSON.
import { PyDict } from '../../values/dict.ts';
import { dumpJson } from '../../values/json.ts';
import { iterate, toArray } from '../../values/iterate.ts';
import { indexArgument } from '../../values/methods/list-methods.ts';
import { JinjaError, typeError, valueError } from '../../values/python-error.ts';
import { toRepr, toText } from '../../values/text.ts';
import { isTruthy } from '../../values/truth.ts';
import { typeName } from '../../values/type-name.ts';
import { Undefined } from '../../values/undefined.ts';
import type { Value } from '../../values/value.ts';
import { escapeValue, escapeText, Markup, stripTags } from '../markup.ts';
import { type FilterFunction, filter, simpleFilter } from './filter.ts';
import { unpack } from '../unpack.ts';
import { urlize } from './urlize.ts';

const escapeFilter = simpleFilter('escape', 's', (value) => escapeValue(value));

const forceEscape = simpleFilter('do_forceescape', 'value', (value) => new Markup(escapeText(toText(value))));

const safe = simpleFilter('do_mark_safe', 'value', (value) => new Markup(toText(value)));

const striptags = simpleFilter('do_striptags', 'value', (value) => stripTags(toText(value)));

const UNSAFE_JSON: { readonly [char: string]: string } = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  "'": '\\u0027',
};

const tojson = filter('do_tojson', 'eval_ctx, value, indent=None', () => null);

const fastJson: FilterFunction = (context, value, args, kwargs) => {
  const indent = args[0] ?? kwargs.get('indent') ?? null;
  if (args.length + kwargs.size > 1 || (kwargs.size === 1 && !kwargs.has('indent')))
    tojson(context, null, [value, ...args], kwargs);
  const options = indent === null ? { sortKeys: true } : { sortKeys: true, indent: indexArgument(indent) };
  const plain = value instanceof Markup ? value.text : value;
  return new Markup(dumpJson(plain, options).replace(/[<>&']/g, (char) => UNSAFE_JSON[char] as string));
};

const xmlattr = filter('do_xmlattr', 'd, autospace=True', (context, value, autospace) => {
  if (!(value instanceof PyDict)) {
    if (value instanceof Undefined && value.kind === 'capture') return '';
    if (value instanceof Undefined) throw value.error();
    throw new JinjaError('AttributeError', `'${typeName(value)}' object has no attribute 'items'`);
  }
  const parts: string[] = [];
  for (const [key, item] of value.entries()) {
    if (item === null || item instanceof Undefined) continue;
    if (typeof key !== 'string') throw typeError(`expected string or bytes-like object, got '${typeName(key)}'`);
    const name = key;
    if (/[\t\n\v\f\r />=]/.test(name)) throw valueError(`Invalid character in attribute name: ${toRepr(key)}`);
    parts.push(`${escapeText(name)}="${escapeValue(item).text}"`);
  }
  const text = parts.join(' ');
  const result = text !== '' && isTruthy(autospace) ? ` ${text}` : text;
  return context.autoescape ? new Markup(result) : result;
});

const urlencode = simpleFilter('do_urlencode', 'value', (value) => {
  if (typeof value === 'string' || value instanceof Markup) return quote(toText(value), '/');
  if (value instanceof PyDict)
    return [...value.entries()].map(([key, item]) => `${quoteQuery(key)}=${quoteQuery(item)}`).join('&');
  const iterable =
    Array.isArray(value) || (typeof value === 'object' && value !== null && value.jinjaIter !== undefined);
  if (!iterable) return quote(toText(value), '/');
  return Array.from(iterate(value), (pair) => {
    const [key, item] = unpack(pair, 2);
    return `${quoteQuery(key as Value)}=${quoteQuery(item as Value)}`;
  }).join('&');
});

function quoteQuery(v: Value): string {
  return quote(toText(v), '').replaceAll('%20', '+');
}

function quote(text: string, safeCharacters: string): string {
  let out = '';
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    out +=
      /[A-Za-z0-9_.~-]/.test(char) || safeCharacters.includes(char)
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

const urlizeFilter = filter(
  'do_urlize',
  'value, trim_url_limit=None, nofollow=False, target=None, rel=None, extra_schemes=None',
  (context, value, limit, nofollow, target, rel, schemes) => {
    const rels = new Set([...toText(rel === null ? '' : rel).split(/\s+/), 'noopener'].filter((r) => r !== ''));
    if (isTruthy(nofollow)) rels.add('nofollow');
    const extra = schemes === null ? [] : toArray(schemes).map(toText);
    for (const scheme of extra) {
      if (!/^[\w.+-]{2,}:\/{0,2}$/.test(scheme))
        throw new JinjaError('FilterArgumentError', `${toRepr(scheme)} is not a valid URI scheme prefix.`);
    }
    const text = urlize(escapeValue(value).text, {
      limit: limit === null ? undefined : indexArgument(limit),
      rel: [...rels].sort().join(' '),
      target: target === null ? undefined : toText(target),
      schemes: extra,
    });
    return context.autoescape ? new Markup(text) : text;
  },
);

export const HTML_FILTERS: readonly (readonly [string, FilterFunction])[] = [
  ['e', escapeFilter],
  ['escape', escapeFilter],
  ['forceescape', forceEscape],
  ['safe', safe],
  ['striptags', striptags],
  ['tojson', fastJson],
  ['urlencode', urlencode],
  ['urlize', urlizeFilter],
  ['xmlattr', xmlattr],
];
