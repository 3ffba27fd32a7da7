// What a setting is: it reads a value of YAML into a typed one, or reports one problem with its place, and describes
// itself for the documentation and for editors. kinds.ts has the simple ones, record.ts those with keys.
import type { Json } from '../contracts/node.ts';
import { knownWords } from '../values/close-matches.ts';
import { showJson } from '../values/float.ts';

export type Dictionary = { readonly [name: string]: Json };
export type Keys = readonly (string | number)[];
export type JsonSchema = { readonly [keyword: string]: unknown };

export interface Problem {
  /** Where it is, from the top of the section. */
  readonly keys: Keys;
  /** `'every' must be a duration, found 5` */
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What a section provides to its settings. */
export interface SectionContext {
  /** Throws the error of the section. */
  readonly refuse: (problem: Problem) => never;
  /** Called with each secret, for masking. */
  readonly seen?: (secret: string) => void;
  /** Reads a file that a setting names, each time it is called. @throws {TsdbtError} `connection` */
  readonly file?: (setting: string, path: string) => () => string;
}

export interface Setting<out T = unknown> {
  /** What a value must be, for messages: `a whole number from 1 to 100`. */
  readonly expects: string;
  /** In the tables of the documentation. */
  readonly type: string;
  /** JSON Schema of the value. */
  readonly schema: () => JsonSchema;
  /** @throws what the section's `refuse` throws */
  readonly read: (value: Json, place: Place) => T;
  /** Null is a value of it, and does not mean that it is absent. */
  readonly nullable?: true;
  /** Places of secrets that the file holds as they are, instead of reading them from the environment. */
  readonly written?: (value: Json, keys: Keys) => Keys[];
  /** Of a record: its keys, for the documentation. */
  readonly fields?: { readonly [name: string]: Field };
}

/** A key of a record. */
export interface Field<out T = unknown> {
  readonly setting: Setting;
  /** One line of Markdown. */
  readonly doc: string;
  /** What an absent key reads as; undefined: the key is required. */
  readonly fallback: T | undefined;
  /** The default in the documentation. */
  readonly shown: string;
  /** Advice when a required key is missing. */
  readonly hint?: string | undefined;
}

export type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** Characters of a value in an error. */
const MOST_SHOWN = 60;

/** A value in an error, cut where it is long. */
export function shown(value: Json | undefined): string {
  const text = showJson(value ?? null);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}

/** A message as a sentence: it begins with a capital letter. */
export function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

/** The place of a value in its section. Every problem is reported here. */
export class Place {
  readonly context: SectionContext;
  readonly keys: Keys;
  readonly #subject: string;
  readonly #above: number;

  /**
   * @param subject whose settings these are, for messages: `channel 'oncall'`
   * @param above how many of the keys lead to the subject
   */
  constructor(context: SectionContext, subject = '', keys: Keys = [], above = 0) {
    this.context = context;
    this.keys = keys;
    this.#subject = subject;
    this.#above = above;
  }

  at(...keys: Keys): Place {
    return new Place(this.context, this.#subject, [...this.keys, ...keys], this.#above);
  }

  /** The same place, named in messages. */
  named(subject: string): Place {
    return new Place(this.context, subject, this.keys, this.keys.length);
  }

  /** `'tls.ca' of connection 'events'` */
  get label(): string {
    const keys = this.keys.slice(this.#above);
    const path = keys.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
    if (path === '') return this.#subject;
    return this.#subject === '' ? `'${path}'` : `'${path}' of ${this.#subject}`;
  }

  refuse(message: string, hint?: string): never {
    return this.context.refuse({ keys: this.keys, message, hint });
  }

  /** Refuses with a sentence about the value: `must be …`. */
  must(predicate: string, hint?: string): never {
    return this.refuse(`${this.label}${this.label === '' ? '' : ' '}${predicate}`, hint);
  }

  wrong(expects: string, found: Json | undefined, hint?: string): never {
    return this.must(`must be ${expects}, found ${shown(found)}`, hint);
  }

  unknownKey(key: string, known: readonly string[], hint = ''): never {
    return this.at(key).refuse(
      `unknown key ${this.at(key).label}`,
      `${knownWords('Keys', key, known)}. ${hint}`.trimEnd(),
    );
  }

  secret(text: string): void {
    this.context.seen?.(text);
  }
}

/** Reads a section. @param subject as `Place` takes it */
export function readSetting<T>(setting: Setting<T>, value: Json, context: SectionContext, subject = ''): T {
  return setting.read(value, new Place(context, subject));
}

/** A setting whose value becomes another one. */
export function mapped<T, U>(setting: Setting<T>, convert: (value: T, place: Place) => U): Setting<U> {
  return { ...setting, read: (value, place) => convert(setting.read(value, place), place) };
}
