// Public exports of the values for other folders.
export { getAttribute, getItem, getSlice, lookupAttribute, lookupItem } from './access.ts';
export {
  add,
  type BinaryOperator,
  divide,
  floorDivide,
  isFloat,
  modulo,
  multiply,
  narrow,
  negate,
  positive,
  power,
  subtract,
} from './arithmetic.ts';
export { bounded, checkItems, checkMemory, enter, startRendering, walk } from './budget.ts';
export { PyBytes } from './bytes.ts';
export { callableOf, callSync, isGenerator, NO_KWARGS, settle, settleSync } from './call.ts';
export { type ArgumentBinder, argumentBinder, type Call, callable } from './callable.ts';
export { compare, compareStrings } from './comparison.ts';
export { PyDecimal } from './decimal.ts';
export { PyDict } from './dict.ts';
export { PyDictView } from './dict-view.ts';
export { EnumMember } from './enum-member.ts';
export { equals, numericOf } from './equality.ts';
export {
  floatRepr,
  holdsMarks,
  makeFloat,
  PyFloat,
  parseMarkedJson,
  markedJson,
  markInt,
  showJson,
  stringifyJson,
  unmarkFloats,
} from './float.ts';
export { hashKey, mapKey } from './hash.ts';
export { collect, iterate, lengthOf, toArray } from './iterate.ts';
export { type DumpOptions, dumpJson, fromJson, parseJson, toJson } from './json.ts';
export { pairsOf } from './methods/dict-methods.ts';
export { parseFloatText, parseIntText } from './number-text.ts';
export { JinjaError, type PythonErrorType, typeError, undefinedError, valueError } from './python-error.ts';
export { PyRange } from './range.ts';
export { codeOf, codePoints, PySlice, sequenceIndex, sliceItems, textLength } from './sequence.ts';
export { PySet } from './set.ts';
export { formatValue } from './string-format.ts';
export { stringRepr, toRepr, toText } from './text.ts';
export { isTruthy } from './truth.ts';
export { PyTuple } from './tuple.ts';
export { objectTypeText, qualifiedTypeName, shortTypeName, typeName } from './type-name.ts';
export { Undefined, type UndefinedFactory, type UndefinedKind, undefinedFactory } from './undefined.ts';
export type { Callable, CallableFace, HostObject, Kwargs, Value } from './value.ts';
export { splitLines, trimLeft, trimRight } from './whitespace.ts';
