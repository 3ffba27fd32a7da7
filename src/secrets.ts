// What no output may show, and how it is taken out: the one list of a command, which every sink asks (log, artifacts,
// journal, compiled files). Leaves which of a connection's fields are secret to those who read it, and writing to the
// sinks.

type Environment = Readonly<Record<string, string | undefined>>;

export const MASK = '*****';
/** dbt's prefix, and the newer spelling of it. Not only with a last underscore: dbt asks for none. */
const SECRET_NAME = /^DBT_(ENGINE_)?ENV_SECRET/;
/** Shorter texts stand everywhere: to hide them would spoil every line and tell nothing. */
const MIN_LENGTH = 4;
/** From this length on a text of letters is taken for a secret, and not for a name, in files that tools read. */
const WORD_LENGTH = 16;
/** Fewer characters of a secret tell nothing, and begin many words. */
const MIN_BEGINNING = 6;
/** Of a command's arguments, those that hold what users write freely. */
const FREE_ARGUMENTS = ['vars', 'args', 'inline', 'sql', 'invocation_command'];
const PROFILE_SECRETS = ['password', 'pass'];
/** A text or a number of JSON; a text that is cut short goes to the end. */
const JSON_VALUE = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|-?\d[\d.eE+-]*/g;

/** The secrets that a command knows; sinks hold the same object, so that what is learnt later counts for all. */
export class Secrets {
  readonly #values = new Set<string>();
  #all: readonly string[] = [];
  #distinct: readonly string[] = [];

  /**
   * Adds texts; of one with several lines, such as a key, each long line too. What is no text or too short is left out.
   */
  add(...values: readonly unknown[]): void {
    const before = this.#values.size;
    for (const value of values) {
      if (typeof value !== 'string') continue;
      const lines = value.split(/\r?\n/);
      const parts =
        lines.length === 1
          ? []
          : lines.filter((line) => line.trim().length >= 2 * MIN_LENGTH && !line.includes('-----'));
      for (const part of [value, value.trim(), ...parts]) if (part.trim().length >= MIN_LENGTH) this.#values.add(part);
    }
    if (this.#values.size === before) return;
    const forms = (values: readonly string[]): readonly string[] =>
      [...new Set(values.flatMap(spellings))].sort((a, b) => b.length - a.length);
    const known = [...this.#values];
    this.#all = forms(known);
    this.#distinct = forms(known.filter((value) => !isWord(value)));
  }

  /** The DBT_ENV_SECRET_ variables, and what else the environment holds for this program alone. */
  addEnvironment(env: Environment): void {
    for (const [name, value] of Object.entries(env)) {
      if (name === 'DBT_ENV_PRIVATE_GIT_PROVIDER_INFO')
        this.add(...[...(value ?? '').matchAll(/"token"\s*:\s*"([^"]+)"/g)].map((match) => match[1]));
      else if (isSecretName(name)) this.add(value);
      else if (/_proxy$/i.test(name)) this.add(...urlPasswords(value ?? ''));
    }
  }

  /** Variables of the command line that are named as dbt names secrets. */
  addVars(vars: unknown): void {
    for (const [name, value] of Object.entries(vars ?? {}))
      if (SECRET_NAME.test(name)) this.add(typeof value === 'number' ? String(value) : value);
  }

  /**
   * The passwords of a profile. One that is also a name in it (user, database, type …) is no secret that could be kept,
   * and hiding it would hide those names everywhere.
   */
  addProfile(credentials: Readonly<Record<string, unknown>>): void {
    const names = new Set(
      Object.entries(credentials)
        .filter(([key]) => !PROFILE_SECRETS.includes(key))
        .map(([, value]) => value),
    );
    for (const key of PROFILE_SECRETS) if (!names.has(credentials[key])) this.add(credentials[key]);
    const { custom_settings: settings } = credentials;
    for (const [name, value] of Object.entries(settings ?? {}))
      if (/password|secret|token|key$/i.test(name)) this.add(value);
  }

  /** A line for people. */
  mask(text: string): string {
    return withoutBeginnings(replaced(text, this.#all), this.#all);
  }

  /** A line of JSON for tools that read the log. */
  maskJsonLine(text: string): string {
    return maskedJson(text, this.#all);
  }

  /** The SQL of a file that people read. Words of a language stay: they may be the project's own names. */
  maskFile(text: string): string {
    return replaced(text, this.#distinct);
  }

  /** An artifact. It stays JSON, and its names stay: a password that is a plain word is left in them. */
  maskJson(text: string): string {
    return maskedJson(text, this.#distinct);
  }

  /** Whether an artifact of these bytes would have to be changed. */
  isIn(bytes: Uint8Array): boolean {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#distinct.some((form) => buffer.includes(form));
  }

  /** The value as an artifact would hold it; the same object when nothing is to be hidden. */
  maskValue<T>(value: T): T {
    if (this.#distinct.length === 0) return value;
    const text = JSON.stringify(value);
    const masked = this.maskJson(text);
    return masked === text ? value : (JSON.parse(masked) as T);
  }

  /** The arguments of a command: what users write freely is hidden as in the log, plain words too. */
  maskArguments<T extends { readonly [name: string]: unknown }>(args: T): T {
    const hidden = FREE_ARGUMENTS.filter((name) => args[name] !== undefined && args[name] !== null);
    return {
      ...args,
      ...Object.fromEntries(
        hidden.map((name) => [name, JSON.parse(maskedJson(JSON.stringify(args[name]), this.#all)) as unknown]),
      ),
    };
  }
}

/**
 * An environment for a child that lives on, or that others may look into: without the secrets that are this program's
 * alone.
 */
export function publicEnvironment(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isSecretName(name)));
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) || ['PGPASSWORD', 'TSDBT_HASH_KEY', 'DBT_ENV_PRIVATE_GIT_PROVIDER_INFO'].includes(name);
}

/** A text and how it looks inside of others: in JSON, in JSON in JSON, in a URL, in SQL, in a page. */
function spellings(value: string): string[] {
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  const [once, twice, thrice] = [inJson(value), inJson(inJson(value)), inJson(inJson(inJson(value)))];
  const doubled = value.replaceAll("'", "''");
  const forms = [
    value,
    once,
    twice,
    thrice,
    doubled,
    inJson(doubled),
    value.replaceAll("'", "\\'"),
    encoded(value),
    encodeURI(wellFormed(value)),
    once.replaceAll('<', '\\u003c'),
  ];
  // Python's JSON is ASCII, and may stand in ours.
  const ascii = (text: string): string =>
    text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [...forms, ascii(once), inJson(ascii(once)), ascii(twice)];
}

/** A lone surrogate has no form in a URL. */
function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

function encoded(text: string): string {
  return encodeURIComponent(wellFormed(text));
}

function isWord(value: string): boolean {
  return value.length < WORD_LENGTH && /^[\p{L}_]+$/u.test(value);
}

function replaced(text: string, forms: readonly string[]): string {
  let out = text;
  for (const form of forms) if (out.includes(form)) out = out.replaceAll(form, MASK);
  return out;
}

/** What was cut short for a table or a long line is followed by dots; the beginning of a secret is hidden there. */
function withoutBeginnings(text: string, forms: readonly string[]): string {
  if (forms.length === 0 || !/\.\.\.|…/.test(text)) return text;
  return text
    .split(/(\.{3,}|…)/)
    .map((part, i, parts) => (i + 1 < parts.length && i % 2 === 0 ? withoutEnd(part, forms) : part))
    .join('');
}

function withoutEnd(text: string, forms: readonly string[]): string {
  for (const form of forms) {
    for (let length = Math.min(form.length - 1, text.length); length >= MIN_BEGINNING; length--) {
      if (text.endsWith(form.slice(0, length))) return `${text.slice(0, -length)}${MASK}`;
    }
  }
  return text;
}

/** Inside of texts only, so that it stays JSON; a number is hidden when all of it is the secret. */
function maskedJson(text: string, forms: readonly string[]): string {
  if (!forms.some((form) => text.includes(form.slice(0, MIN_BEGINNING)))) return text;
  return text.replace(JSON_VALUE, (value) =>
    value.startsWith('"')
      ? withoutBeginnings(replaced(value, forms), forms)
      : forms.includes(value)
        ? `"${MASK}"`
        : value,
  );
}

/** User and password of a URL, as they are sent. */
function urlPasswords(url: string): string[] {
  const found = /^[a-z+.-]*:?\/*[^/\s:@]*:([^/\s]*)@/i.exec(url)?.[1];
  if (found === undefined) return [];
  try {
    return [found, decodeURIComponent(found)];
  } catch {
    return [found];
  }
}
