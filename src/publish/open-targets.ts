// The targets of a command, each opened for its first publication and closed with the command. The caller provides the
// functions that open connections.
import type { Adapter } from '../adapters/adapter.ts';
import type { PublicationNode } from '../contracts/publication.ts';
import type { RestCatalog } from '../object-store/rest-catalog.ts';
import type { ObjectStore } from '../object-store/store.ts';
import { checkKind } from './check-targets.ts';
import type { Receiver } from './publication-target.ts';

/** An open database of connections.yml. */
export interface OpenedDatabase {
  readonly type: 'database';
  readonly adapter: Adapter;
  /** The schema for names without one. */
  readonly schema: string;
}

/** An open object store of connections.yml. */
export interface OpenedStore {
  readonly type: 's3';
  readonly store: ObjectStore;
}

/** A catalog of Iceberg tables, and the object store that contains them. */
export interface OpenedLake {
  readonly type: 'iceberg';
  readonly catalog: RestCatalog;
  readonly store: ObjectStore;
  /** The namespace for tables without one. */
  readonly namespace: string;
}

export type OpenedConnection = OpenedDatabase | OpenedStore | OpenedLake;

export class Receivers {
  readonly #open: (name: string) => Promise<OpenedConnection>;
  readonly #opened = new Map<string, Promise<OpenedConnection>>();

  constructor(open: (name: string) => Promise<OpenedConnection>) {
    this.#open = open;
  }

  /** @throws `profile` error of the connection, `parsing` if it does not support the publication */
  async of(node: PublicationNode): Promise<Receiver> {
    const opened = await this.connection(node.config.to);
    checkKind(node, opened.type === 'database' ? opened.adapter.type : opened.type);
    return (await import('./create-target.ts')).createReceiver(opened);
  }

  connection(name: string): Promise<OpenedConnection> {
    let opened = this.#opened.get(name);
    if (opened === undefined) {
      opened = this.#open(name);
      this.#opened.set(name, opened);
      opened.catch(() => this.#opened.delete(name));
    }
    return opened;
  }

  async close(): Promise<void> {
    const opened = [...this.#opened.values()];
    this.#opened.clear();
    await Promise.all(opened.map((each) => each.then(closed).catch(() => undefined)));
  }
}

async function closed(opened: OpenedConnection): Promise<void> {
  if (opened.type === 'database') await opened.adapter.close();
  else opened.store.close();
}
