// Stands between a program and a Postgres without TLS, and counts what goes by for each node: messages that the server
// has to answer, and statements that it has run. Which node a message is for is in its query comment; a bare begin
// belongs to what follows, everything else to what came before.
import { connect, createServer } from 'node:net';

/** The node that a message names; '' when it says that it is for none, undefined when it says nothing. */
const nodeOf = (text) =>
  /"node_id": "([^"]+)"/.exec(text)?.[1] ?? (text.includes('"connection_name": ') ? '' : undefined);

/** @returns its port, `counts()` by unique_id ('' for no node) since it was last asked, and `close()` */
export async function startCountingProxy({ host, port }) {
  const sockets = new Set();
  let connections = [];
  const server = createServer((client) => {
    const upstream = connect(port, host);
    const seen = [];
    connections.push(seen);
    // A message of the server says how many statements of the oldest that has no answer yet are done.
    const waiting = [];
    const ours = framed((type, body) => {
      if (type !== 'Q' && type !== 'P') return;
      const message = { text: body.toString('utf8'), statements: 0 };
      seen.push(message);
      waiting.push(message);
    }, true);
    const theirs = framed((type) => {
      if (type === 'C' && waiting.length > 0) waiting[0].statements++;
      if (type === 'Z' && waiting.length > 0 && started) waiting.shift();
      started = true;
    }, false);
    let started = false;
    for (const [from, to, look] of [
      [client, upstream, ours],
      [upstream, client, theirs],
    ]) {
      sockets.add(from);
      from.on('data', (chunk) => {
        look(chunk);
        to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.end();
      });
    }
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  return {
    port: server.address().port,
    counts() {
      const counts = {};
      for (const messages of connections) {
        const nodes = messages.map(({ text }) => nodeOf(text));
        for (const [i, { text, statements }] of messages.entries()) {
          const before = nodes.slice(0, i).findLast((node) => node !== undefined);
          const behind = nodes.slice(i).find((node) => node !== undefined);
          const node = nodes[i] ?? (/^\s*begin\b/i.test(text) ? (behind ?? before) : (before ?? behind)) ?? '';
          const count = (counts[node] ??= { messages: 0, statements: 0 });
          count.messages++;
          count.statements += statements;
        }
        messages.length = 0;
      }
      connections = connections.filter((messages) => messages.length > 0);
      return counts;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Cuts a stream into messages of the protocol. @param startup the first has no type */
function framed(tell, startup) {
  let rest = Buffer.alloc(0);
  let first = startup;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = first ? 0 : 1;
      if (rest.length < head + 4) return;
      const length = rest.readUInt32BE(head) + head;
      if (rest.length < length) return;
      if (!first) tell(String.fromCharCode(rest[0]), rest.subarray(5, length));
      first = false;
      rest = rest.subarray(length);
    }
  };
}

/**
 * The numbers of one command after the other.
 * @param run runs one
 * @returns for each step, by node, messages and statements
 */
export async function countSteps(proxy, steps, run) {
  const counted = [];
  for (const step of steps) {
    proxy.counts();
    await run(step);
    counted.push({
      run: step,
      nodes: Object.fromEntries(
        Object.entries(proxy.counts())
          .filter(([id]) => /^(model|seed|snapshot|test)\./.test(id))
          .map(([id, count]) => [id.split('.')[2], count])
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    });
  }
  return counted;
}
