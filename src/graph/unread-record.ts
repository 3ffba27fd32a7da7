// A record whose members are read lazily, in its copies too, and what asks for its keys alone. Its owner reads them.

/** Members that a record and its copies share. */
interface Members<T> {
  readonly keys: readonly string[];
  readonly has: (key: string) => boolean;
  /** Reads a member once; undefined when there is none. */
  readonly read: (key: string) => T | undefined;
}

/** What records of unread members are made of, by record. */
const RECORDS = new WeakMap<object, UnreadRecord<unknown>>();

/**
 * Creates a record of unread members.
 * @param places location of each member
 * @param read reads a member; called once for it, however many copies exist
 */
export function unreadRecord<T, P>(
  places: ReadonlyMap<string, P>,
  read: (key: string, place: P) => T,
): Record<string, T> {
  const known = new Map<string, T>();
  return new UnreadRecord({
    keys: [...places.keys()],
    has: (key) => places.has(key),
    read(key) {
      let member = known.get(key);
      const place = places.get(key);
      if (member === undefined && place !== undefined) known.set(key, (member = read(key, place)));
      return member;
    },
  }).record;
}

/**
 * The traps of a record. The record's own object holds what was read or changed: a descriptor for each member, made
 * beforehand, would cost more than most commands read.
 */
class UnreadRecord<T> implements ProxyHandler<Record<string, T>> {
  readonly record: Record<string, T>;
  readonly #members: Members<T>;
  readonly #own: Record<string, T>;
  readonly #gone: Set<string>;

  constructor(members: Members<T>, own: Record<string, T> = emptyRecord(), gone: ReadonlySet<string> = new Set()) {
    this.#members = members;
    this.#own = own;
    this.#gone = new Set(gone);
    this.record = new Proxy(own, this);
    RECORDS.set(this.record, this);
  }

  copy(): Record<string, T> {
    return new UnreadRecord(this.#members, Object.assign(emptyRecord<T>(), this.#own), this.#gone).record;
  }

  isUnread(key: string | symbol): key is string {
    return typeof key === 'string' && this.#members.has(key) && !this.#gone.has(key) && !Object.hasOwn(this.#own, key);
  }

  isMember(key: string): boolean {
    // A member of the map is found faster than one of an object.
    return (this.#members.has(key) && !this.#gone.has(key)) || Object.hasOwn(this.#own, key);
  }

  peek(key: string): T | undefined {
    return this.isUnread(key) ? this.#members.read(key) : this.#own[key];
  }

  later(key: string): (() => T | undefined) | null {
    const members = this.#members;
    return this.isUnread(key) ? () => members.read(key) : null;
  }

  keys(): readonly string[] {
    const { keys } = this.#members;
    const there = this.#gone.size === 0 ? keys : keys.filter((key) => !this.#gone.has(key));
    // A member that was removed and comes again is the last one.
    const added = Object.keys(this.#own).filter((key) => !this.#members.has(key) || this.#gone.has(key));
    return added.length === 0 ? there : [...there, ...added];
  }

  get(own: Record<string, T>, key: string): T | undefined {
    const member = this.isUnread(key) ? this.#members.read(key) : undefined;
    if (member !== undefined) own[key] = member;
    return own[key];
  }

  has(own: Record<string, T>, key: string): boolean {
    return this.isUnread(key) || key in own;
  }

  set(own: Record<string, T>, key: string, value: T): boolean {
    own[key] = value;
    return true;
  }

  deleteProperty(own: Record<string, T>, key: string): boolean {
    delete own[key];
    if (this.#members.has(key)) this.#gone.add(key);
    return true;
  }

  ownKeys(): string[] {
    return [...this.keys()];
  }

  getOwnPropertyDescriptor(own: Record<string, T>, key: string): PropertyDescriptor | undefined {
    if (!this.isUnread(key)) return Object.getOwnPropertyDescriptor(own, key);
    return { get: () => this.record[key], enumerable: true, configurable: true };
  }
}

/**
 * An object that V8 keeps as a hash table from the start. As an object with a shape, each member that is read or
 * written would copy the shape of all members: seconds for 700 nodes.
 */
function emptyRecord<T>(): Record<string, T> {
  const member = { value: null, configurable: true };
  const record: Record<string, T> = Object.create(Object.prototype, { first: member, second: member });
  delete record['first'];
  delete record['second'];
  return record;
}

/** The traps of a record; undefined for a plain one. */
function unreadOf<T>(record: Readonly<Record<string, T>>): UnreadRecord<T> | undefined {
  return RECORDS.get(record) as UnreadRecord<T> | undefined;
}

/** A shallow copy; its unread members stay unread. */
export function copyOfRecord<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  const unread = unreadOf(record);
  return unread === undefined ? Object.assign(emptyRecord<T>(), record) : unread.copy();
}

/** Whether a member was neither read nor changed. */
export function isUnread(record: object, key: string): boolean {
  return RECORDS.get(record)?.isUnread(key) === true;
}

/** A member for somebody who changes nothing: it still counts as unread. */
export function peek<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  const unread = unreadOf(record);
  return unread === undefined ? record[key] : unread.peek(key);
}

/**
 * How to read a member that was neither read nor changed: later, as it is now, and without counting as read.
 * @returns null when the member was read or changed, or is none
 */
export function laterPeek<T>(record: Readonly<Record<string, T>>, key: string): (() => T | undefined) | null {
  return unreadOf(record)?.later(key) ?? null;
}

/** `Object.keys` of any record; of unread members it asks for no descriptors. */
export function keysOf(record: object): readonly string[] {
  return RECORDS.get(record)?.keys() ?? Object.keys(record);
}

/** `Object.hasOwn` of any record, likewise. */
export function hasMember(record: object, key: string): boolean {
  return RECORDS.get(record)?.isMember(key) ?? Object.hasOwn(record, key);
}
