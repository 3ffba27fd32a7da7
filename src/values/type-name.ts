// Names of Python types for error messages.
import type { Value } from './value.ts';

/** `type(v).__name__`: `int`, `str`, `NoneType`, `Decimal` … */
export function shortTypeName(v: Value): string {
  const full = qualifiedTypeName(v);
  return full.slice(full.lastIndexOf('.') + 1);
}

/** The name in CPython's own messages: with the module for types that are written in C, such as `decimal.Decimal`. */
export function typeName(v: Value): string {
  const full = qualifiedTypeName(v);
  return full.startsWith('decimal.') || full.startsWith('datetime.') ? full : full.slice(full.lastIndexOf('.') + 1);
}

/** The type named in the message of a missing attribute: a method delegates attributes to its function. */
export function attributeOwnerName(v: Value): string {
  const name = typeName(v);
  return name === 'method' ? 'function' : name;
}

/** Like `typeName`, with the module for types that are not Python's own. */
export function qualifiedTypeName(v: Value): string {
  switch (typeof v) {
    case 'string':
      return 'str';
    case 'number':
      return Number.isInteger(v) ? 'int' : 'float';
    case 'bigint':
      return 'int';
    case 'boolean':
      return 'bool';
    case 'function':
      return v.face?.type ?? 'function';
    default:
      if (v === null) return 'NoneType';
      return Array.isArray(v) ? 'list' : v.jinjaType;
  }
}

/** What jinja2 calls an object in the message of an Undefined: `dict object`, `None`. */
export function objectTypeText(v: Value): string {
  return v === null ? 'None' : `${qualifiedTypeName(v)} object`;
}
