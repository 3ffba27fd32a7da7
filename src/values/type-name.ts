// Names of Python types for error messages.
import type { Value } from './value.ts';

/** `type(v).__name__`: `int`, `str`, `NoneType`, `Decimal` … */
export function shortTypeName(v: Value): string {
  const full = qualifiedTypeName(v);
  return full.slice(full.lastIndexOf('.') + 1);
}

/** The type name in CPython's own messages: with its module for types implemented in C, such as `decimal.Decimal`. */
export function typeName(v: Value): string {
  const full = qualifiedTypeName(v);
  return full.startsWith('decimal.') || full.startsWith('datetime.') ? full : full.slice(full.lastIndexOf('.') + 1);
}

/** The type named in the message of a missing attribute. A method delegates attributes to its function. */
export function attributeOwnerName(v: Value): string {
  const name = typeName(v);
  return name === 'method' ? 'function' : name;
}

/** Like `typeName`, with the module for types that are not built in. */
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

/** How jinja2 names an object in the message of an Undefined: `dict object`, `None`. */
export function objectTypeText(v: Value): string {
  return v === null ? 'None' : `${qualifiedTypeName(v)} object`;
}
