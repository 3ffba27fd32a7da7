// The receivers of a command, each opened with its first publication and closed with the command. How a connection is
// opened is told from outside.
import type { Adapter } from '../adapters/adapter.ts';
import type { PublicationNode } from '../contracts/publication.ts';
import { checkKind } from './check-receivers.ts';
import { createReceiver } from './create-receiver.ts';
import type { Receiver } from './receiver.ts';

/** A connection of connections.yml, opened. */
export interface OpenedConnection {
  readonly adapter: Adapter;
  /** Where names without a schema are. */
  readonly schema: string;
}

export class Receivers {
  readonly #open: (name: string) => Promise<OpenedConnection>;
  readonly #opened = new Map<string, Promise<OpenedConnection>>();

  constructor(open: (name: string) => Promise<OpenedConnection>) {
    this.#open = open;
  }

  /** @throws `profile` error of the connection, `parsing` when it does not take the publication */
  async of(node: PublicationNode): Promise<Receiver> {
    const { adapter, schema } = await this.connection(node.config.to);
    checkKind(node, adapter.type);
    return createReceiver(adapter, schema);
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
    await Promise.all(opened.map((each) => each.then(({ adapter }) => adapter.close()).catch(() => undefined)));
  }
}
