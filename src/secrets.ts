// The secrets of a command, and how to mask them. Every sink uses it: log, artifacts, journal, compiled files. Callers
// decide which fields of a connection are secret.

type Environment = Readonly<Record<string, string | undefined>>;

export const MASK = '*****';
/** dbt's prefix and its newer spelling. dbt does not require an underscore after it. */
const SECRET_NAME = /^DBT_(ENGINE_)?ENV_SECRET/;
/** Credentials by the names of their variables. */
const SECRET_NAMES: readonly string[] = [
  'PGPASSWORD',
  'TSDBT_HASH_KEY',
  'TSDBT_SERVE_TOKEN',
  'TSDBT_SERVE_READ_TOKEN',
  'OPENLINEAGE_API_KEY',
  'DBT_ENV_PRIVATE_GIT_PROVIDER_INFO',
];
/** Shorter texts occur everywhere: masking them would damage every line without hiding anything. */
const MIN_LENGTH = 4;
/** In files for programs, a text of letters counts as a secret only from this length; shorter ones may be names. */
const WORD_LENGTH = 16;
/** A shorter prefix of a secret reveals nothing, and many words begin with it. */
const MIN_BEGINNING = 6;
/** Arguments of a command that contain free text of users. */
const FREE_ARGUMENTS = ['vars', 'args', 'inline', 'sql', 'invocation_command'];
const PROFILE_SECRETS = ['password', 'pass'];
/** A variable on a command line whose name marks a secret: the name (1), and a value. */
const SECRET_VARIABLE = /(DBT_(?:ENGINE_)?ENV_SECRET\w*["']?\s*:\s*)(?:"[^"]*"|'[^']*'|[^\s,}"']+)/g;
/** A string or a number in JSON; a string that is cut off extends to the end. */
const JSON_VALUE = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|-?\d[\d.eE+-]*/g;

/** The known secrets of a command. All sinks share one object, so that secrets found later are masked everywhere. */
export class Secrets {
  readonly #values = new Set<string>();
  #all: readonly string[] = [];
  #distinct: readonly string[] = [];

  /**
   * Adds texts; of a multi-line text, such as a key, also each long line. Values that are not texts, or too short, are
   * skipped.
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

  /** Adds DBT_ENV_SECRET_ variables and other credentials in the environment. */
  addEnvironment(env: Environment): void {
    for (const [name, value] of Object.entries(env)) {
      if (name === 'DBT_ENV_PRIVATE_GIT_PROVIDER_INFO')
        this.add(...[...(value ?? '').matchAll(/"token"\s*:\s*"([^"]+)"/g)].map((match) => match[1]));
      else if (isSecretName(name)) this.add(value);
      else if (/_proxy$/i.test(name)) this.add(...urlPasswords(value ?? ''));
    }
  }

  /** Adds variables of the command line whose names mark secrets. */
  addVars(vars: unknown): void {
    for (const [name, value] of Object.entries(vars ?? {}))
      if (SECRET_NAME.test(name)) this.add(typeof value === 'number' ? String(value) : value);
  }

  /**
   * Adds the passwords of a profile. A password that equals a name in the profile (user, database, type …) is skipped,
   * because masking it would mask that name everywhere.
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

  /** Masks a line for users. */
  mask(text: string): string {
    return withoutBeginnings(replaced(text, this.#all), this.#all);
  }

  /** Masks a line of JSON for programs that read the log. */
  maskJsonLine(text: string): string {
    return maskedJson(text, this.#all);
  }

  /** Masks SQL in a file for users. Plain words are kept, because they may be names in the project. */
  maskFile(text: string): string {
    return replaced(text, this.#distinct);
  }

  /** Masks an artifact. It remains valid JSON and keeps names: a password that is a plain word is not masked. */
  maskJson(text: string): string {
    return maskedJson(text, this.#distinct);
  }

  /** Whether masking would change an artifact of these bytes. */
  isIn(bytes: Uint8Array): boolean {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#distinct.some((form) => buffer.includes(form));
  }

  /** Masks a value as in an artifact; returns the same object if nothing is masked. */
  maskValue<T>(value: T): T {
    if (this.#distinct.length === 0) return value;
    const text = JSON.stringify(value);
    const masked = this.maskJson(text);
    return masked === text ? value : (JSON.parse(masked) as T);
  }

  /**
   * Masks the arguments of a command. Free text is masked as in the log, including plain words. Variables whose names
   * mark secrets are masked whatever their length.
   */
  maskArguments<T extends { readonly [name: string]: unknown }>(args: T): T {
    const hidden = FREE_ARGUMENTS.filter((name) => args[name] !== undefined && args[name] !== null);
    const masked: Record<string, unknown> = {};
    for (const name of hidden)
      masked[name] = JSON.parse(maskedJson(JSON.stringify(args[name], writeInt), this.#all), readInt);
    const { vars, invocation_command: command } = masked;
    if (typeof vars === 'object' && vars !== null) masked['vars'] = withoutSecretVars(vars);
    if (typeof command === 'string') masked['invocation_command'] = command.replace(SECRET_VARIABLE, `$1${MASK}`);
    return { ...args, ...masked };
  }
}

/** No text of an argument begins with it. */
const INT_MARK = '\u0010int ';

/** Ints beyond 2^53, which JSON has no value for, as texts. */
function writeInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${INT_MARK}${value}` : value;
}

function readInt(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(INT_MARK) ? BigInt(value.slice(INT_MARK.length)) : value;
}

/** Variables that a server started by this program needs: folders, language, time zone, libraries. */
const SERVER_NAMES = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TZ|LANG|LANGUAGE|TMPDIR|TEMP|TMP)$/,
  /^(?:LC|XDG|LD|DYLD|NODE|UV|SSL_CERT)_\w+$/,
  /^(?:PATH|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|SYSTEMROOT|WINDIR|COMSPEC)$/i,
];

/**
 * The environment of a server that outlives the command: any other variable may contain a password, whatever its name.
 */
export function serverEnvironment(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => SERVER_NAMES.some((known) => known.test(name))));
}

/** The environment without this program's secrets, for a program started on the user's behalf. */
export function publicEnvironment(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isSecretName(name)));
}

function withoutSecretVars(vars: object): object {
  return Object.fromEntries(
    Object.entries<unknown>({ ...vars }).map(([name, value]) => [name, SECRET_NAME.test(name) ? MASK : value]),
  );
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) || SECRET_NAMES.includes(name);
}

/** All encodings in which a text may appear: JSON, JSON within JSON, a URL, SQL, an HTML page. */
function spellings(value: string): string[] {
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  const [once, twice, thrice] = [inJson(value), inJson(inJson(value)), inJson(inJson(inJson(value)))];
  const doubled = value.replaceAll("'", "''");
  // ClickHouse quotes statements in errors in this way.
  const escaped = value.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  const forms = [
    value,
    once,
    twice,
    thrice,
    doubled,
    inJson(doubled),
    escaped,
    inJson(escaped),
    inJson(inJson(escaped)),
    value.replaceAll("'", "\\'"),
    encoded(value),
    encodeURI(wellFormed(value)),
    once.replaceAll('<', '\\u003c'),
  ];
  // Python writes JSON in ASCII, and such JSON may be embedded in ours.
  const ascii = (text: string): string =>
    text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [...forms, ascii(once), inJson(ascii(once)), ascii(twice)];
}

/** Replaces lone surrogates, which cannot be encoded in a URL. */
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
  for (let i = 0; i < forms.length; i++) {
    const form = forms[i] ?? '';
    if (out.includes(form)) out = out.replaceAll(form, MASK);
  }
  return out;
}

/** Dots mark a truncated text, as in a table or a long line; a secret's prefix before them is masked. */
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

/** Masks only within strings, so that the JSON stays valid. A number is masked if all of it is the secret. */
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

/** The password of a URL, as written and percent-decoded. */
function urlPasswords(url: string): string[] {
  const found = /^[a-z+.-]*:?\/*[^/\s:@]*:([^/\s]*)@/i.exec(url)?.[1];
  if (found === undefined) return [];
  try {
    return [found, decodeURIComponent(found)];
  } catch {
    return [found];
  }
}
