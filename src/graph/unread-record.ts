// A record whose members are decoded lazily, also in its copies and in operations that need only the keys.

/** Members that a record and its copies share. */
interface Members<T> {
  readonly keys: readonly string[];
  readonly has: (key: string) => boolean;
  /** Decodes a member once; undefined if it does not exist. */
  readonly read: (key: string) => T | undefined;
}

/** The source of each record with undecoded members. */
const RECORDS = new WeakMap<object, UnreadRecord<unknown>>();

/**
 * Creates a record of undecoded members.
 * @param places location of each member
 * @param read decodes a member; called once per member, however many copies of the record exist
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
 * The proxy traps of a record. The target object contains the members that were read or changed: creating a descriptor
 * for each member in advance would cost more than most commands decode.
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
    // Looking up a member in a map is faster than in an object.
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
    // A member that was removed and is added again moves to the end.
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
 * Creates an object that V8 keeps as a hash table from the start. Otherwise each access would copy the shape of all
 * members, which takes seconds for 700 nodes.
 */
function emptyRecord<T>(): Record<string, T> {
  const member = { value: null, configurable: true };
  const record: Record<string, T> = Object.create(Object.prototype, { first: member, second: member });
  delete record['first'];
  delete record['second'];
  return record;
}

/** Returns the traps of a record; undefined for a plain object. */
function unreadOf<T>(record: Readonly<Record<string, T>>): UnreadRecord<T> | undefined {
  return RECORDS.get(record) as UnreadRecord<T> | undefined;
}

/** Copies a record shallowly; undecoded members stay undecoded. */
export function copyOfRecord<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  const unread = unreadOf(record);
  return unread === undefined ? Object.assign(emptyRecord<T>(), record) : unread.copy();
}

/** Whether a member was neither read nor changed. */
export function isUnread(record: object, key: string): boolean {
  return RECORDS.get(record)?.isUnread(key) === true;
}

/** Returns a member to a caller that does not modify it. The member still counts as undecoded. */
export function peek<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  const unread = unreadOf(record);
  return unread === undefined ? record[key] : unread.peek(key);
}

/**
 * Returns a function that decodes a member later, in its current state, without counting as a read.
 * @returns null if the member was read or changed, or does not exist
 */
export function laterPeek<T>(record: Readonly<Record<string, T>>, key: string): (() => T | undefined) | null {
  return unreadOf(record)?.later(key) ?? null;
}

/** `Object.keys` of any record, without creating descriptors of undecoded members. */
export function keysOf(record: object): readonly string[] {
  return RECORDS.get(record)?.keys() ?? Object.keys(record);
}

/** `Object.hasOwn` of any record, without creating descriptors. */
export function hasMember(record: object, key: string): boolean {
  return RECORDS.get(record)?.isMember(key) ?? Object.hasOwn(record, key);
}
