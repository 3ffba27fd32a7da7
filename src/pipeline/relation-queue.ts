// Creates many relations in the local engine with few statements.
import type { NamedQuery } from '../adapters/empty-relations.ts';
import type { EmptyProject } from './local-engine.ts';

/** Maximum number of relations that one statement creates, and of their characters. */
const MOST_RELATIONS = 100;
const MOST_CHARACTERS = 1_000_000;

interface QueueWork<Q> {
  /** Called just before a relation is created: whether what it reads exists. */
  isPossible(queued: Q): boolean;
  /** Creates one relation, and reports its error. */
  create(queued: Q): Promise<void>;
}

export class RelationQueue<Q extends NamedQuery> {
  readonly #engine: () => EmptyProject;
  readonly #work: QueueWork<Q>;
  #queued: Q[] = [];
  #characters = 0;

  constructor(engine: () => EmptyProject, work: QueueWork<Q>) {
    this.#engine = engine;
    this.#work = work;
  }

  /** @param queued after all relations that it reads */
  async add(queued: Q): Promise<void> {
    this.#queued.push(queued);
    this.#characters += queued.query.length;
    if (this.#queued.length >= MOST_RELATIONS || this.#characters > MOST_CHARACTERS) await this.flush();
  }

  async flush(): Promise<void> {
    const queued = this.#queued;
    [this.#queued, this.#characters] = [[], 0];
    for (const unread of [false, true]) await this.#createAll(queued.filter((each) => each.unread === unread));
  }

  /** If one of several relations fails, they are divided until it is found. */
  async #createAll(queued: readonly Q[]): Promise<void> {
    const possible = queued.filter((each) => this.#work.isPossible(each));
    const [first, ...others] = possible;
    if (first === undefined) return;
    if (others.length === 0) return this.#work.create(first);
    const { database, session } = this.#engine();
    const sql = database.createMany(possible);
    if (sql !== null && (await session.attempt(sql)) === null) return;
    const half = Math.ceil(possible.length / 2);
    await this.#createAll(possible.slice(0, half));
    await this.#createAll(possible.slice(half));
  }
}
