// A Kafka broker in one process, without a disk, over TCP. It implements the protocol that one consumer of a group
// needs, with errors, epochs and damage that a test sets. tests/engine/kafka tests real brokers.
import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

const APIS = {
  Fetch: [1, 12],
  ListOffsets: [2, 7],
  Metadata: [3, 12],
  OffsetCommit: [8, 8],
  OffsetFetch: [9, 8],
  FindCoordinator: [10, 4],
  JoinGroup: [11, 7],
  Heartbeat: [12, 4],
  LeaveGroup: [13, 5],
  SyncGroup: [14, 5],
  SaslHandshake: [17, 1],
  ApiVersions: [18, 3],
  OffsetForLeaderEpoch: [23, 4],
  SaslAuthenticate: [36, 2],
} as const;
export type Api = keyof typeof APIS;
const NODE = 1;
const [OFFSET_OUT_OF_RANGE, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH] = [1, 74, 75];
const SASL_AUTHENTICATION_FAILED = 58;

/** Log of one partition: its batches as stored. */
export interface FakeLog {
  batches: { readonly first: bigint; readonly last: bigint; readonly bytes: Buffer }[];
  start: bigint;
  end: bigint;
  /** Leader epochs with their first offsets; the last one is the leader's. */
  epochs: { epoch: number; start: bigint }[];
  /** Node id of the leader; -1: none. */
  leader: number;
}

/** A request as received. */
export interface Asked {
  readonly api: Api;
  readonly topic: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly offset: bigint;
  readonly lastEpoch: number;
}

export class FakeKafka {
  readonly topics = new Map<string, { id: string; logs: FakeLog[] }>();
  /** Requests about partitions, in order. */
  readonly asked: Asked[] = [];
  /** The error code of an answer; 0: none. `partition` is -1 for the top-level error code. */
  error: (api: Api, partition: number) => number = () => 0;
  /** Damages records before they are sent. */
  damage: (partition: number, bytes: Buffer) => Buffer = (_, bytes) => bytes;
  /** Replaces a whole answer, which begins with its length and the correlation id. */
  rewrite: (api: Api, answer: Buffer) => Buffer = (_, answer) => answer;
  /** Other nodes of the cluster's metadata; no client can reach them. */
  away: readonly { readonly node: number; readonly port: number }[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(): Promise<FakeKafka> {
    const server = createServer();
    const broker = new FakeKafka(server);
    server.on('connection', (socket) => broker.serve(socket));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return broker;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  create(topic: string, partitions = 1): FakeLog[] {
    const logs = Array.from(
      { length: partitions },
      (): FakeLog => ({ batches: [], start: 0n, end: 0n, epochs: [{ epoch: 0, start: 0n }], leader: NODE }),
    );
    this.topics.set(topic, { id: randomUUID(), logs });
    return logs;
  }

  /** @param count messages of the batch; their offsets are set here */
  append(topic: string, partition: number, batch: Buffer, count: number): void {
    const log = this.topics.get(topic)!.logs[partition]!;
    batch.writeBigInt64BE(log.end, 0);
    batch.writeInt32BE(log.epochs.at(-1)!.epoch, 12);
    log.batches.push({ first: log.end, last: log.end + BigInt(count) - 1n, bytes: batch });
    log.end += BigInt(count);
  }

  /** Simulates an unclean election: the new leader's log ends before the offset. */
  cut(topic: string, partition: number, before: bigint): void {
    const log = this.topics.get(topic)!.logs[partition]!;
    log.batches = log.batches.filter(({ last }) => last < before);
    log.epochs = [
      ...log.epochs.filter(({ start }) => start < before),
      { epoch: log.epochs.at(-1)!.epoch + 1, start: before },
    ];
    log.end = before;
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => undefined);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const request = rest.subarray(4, 4 + rest.readInt32BE(0));
        rest = rest.subarray(4 + request.length);
        this.answer(request, socket);
      }
    });
  }

  private answer(request: Buffer, socket: Socket): void {
    const key = request.readInt16BE(0);
    const api = (Object.keys(APIS) as Api[]).find((name) => APIS[name][0] === key);
    if (api === undefined) {
      socket.destroy();
      return;
    }
    const read = new Reader(request.subarray(10 + Math.max(0, request.readInt16BE(8))));
    const write = new Writer();
    write.int32(0).int32(request.readInt32BE(4));
    // The handshake and early questions about versions have no tagged fields; no answer about versions has them in its
    // header.
    const early = api === 'ApiVersions' && request.readInt16BE(2) < 3;
    if (api !== 'SaslHandshake' && !early) read.tags();
    if (api !== 'ApiVersions' && api !== 'SaslHandshake') write.tags();
    const body = early ? this.earlyVersions(write) : this[`on${api}`](read, write);
    const send = (): void => {
      if (!socket.destroyed) socket.write(this.rewrite(api, body.finished()));
    };
    // Delays an empty fetch, so that the consumer does not poll in a busy loop.
    if (body.empty) setTimeout(send, 20);
    else send();
  }

  private onApiVersions(_: Reader, write: Writer): Writer {
    return write
      .int16(this.error('ApiVersions', -1))
      .list(Object.values(APIS), ([key, version]) => write.int16(key).int16(Math.min(3, version)).int16(version).tags())
      .int32(0)
      .tags();
  }

  /** As a client asks before it authenticates. */
  private earlyVersions(write: Writer): Writer {
    const all = Object.values(APIS);
    write.int16(0).int32(all.length);
    for (const [key, version] of all) write.int16(key).int16(Math.min(3, version)).int16(version);
    return write.int32(0);
  }

  private onSaslHandshake(_: Reader, write: Writer): Writer {
    write.int16(0).int32(1).int16('PLAIN'.length);
    for (const byte of Buffer.from('PLAIN')) write.int8(byte);
    return write;
  }

  /** Refuses everybody, and repeats what was sent. */
  private onSaslAuthenticate(read: Reader, write: Writer): Writer {
    const sent = read.text().replaceAll('\0', ' ');
    return write.int16(SASL_AUTHENTICATION_FAILED).text(`not ${sent}`).text('').int64(0n).tags();
  }

  private onMetadata(read: Reader, write: Writer): Writer {
    const names = read.list(() => {
      read.skip(16);
      const name = read.text();
      read.tags();
      return name;
    });
    const brokers = [{ node: NODE, port: this.port }, ...this.away];
    return (
      write
        .int32(0)
        .list(brokers, ({ node, port }) => write.int32(node).text('127.0.0.1').int32(port).text(null).tags())
        .text('fake')
        .int32(NODE)
        // Without names, all topics are meant.
        .list(names.length === 0 ? [...this.topics.keys()] : names, (name) => {
          const topic = this.topics.get(name);
          write
            .int16(topic === undefined ? 3 : this.error('Metadata', -1))
            .text(name)
            .uuid(topic?.id ?? '00000000-0000-0000-0000-000000000000')
            .int8(0);
          write
            .list([...(topic?.logs ?? []).entries()], ([partition, { leader, epochs }]) => {
              write
                .int16(this.error('Metadata', partition))
                .int32(partition)
                .int32(leader)
                .int32(epochs.at(-1)!.epoch)
                .list([NODE], (node) => write.int32(node))
                .list([NODE], (node) => write.int32(node))
                .list([], () => write)
                .tags();
            })
            .int32(0)
            .tags();
        })
        .tags()
    );
  }

  private onListOffsets(read: Reader, write: Writer): Writer {
    read.skip(5);
    const topics = this.partitions(
      read,
      () => {
        const asked = { partition: read.int32(), leaderEpoch: read.int32(), offset: read.int64(), lastEpoch: -1 };
        read.tags();
        return asked;
      },
      'ListOffsets',
    );
    return write
      .int32(0)
      .list(topics, ({ topic, partitions }) =>
        write
          .text(topic)
          .list(partitions, ({ partition, offset: time }) => {
            const { start, end, epochs } = this.log(topic, partition);
            write
              .int32(partition)
              .int16(this.error('ListOffsets', partition))
              .int64(-1n)
              .int64(time === -2n ? start : end)
              .int32(epochs.at(-1)!.epoch)
              .tags();
          })
          .tags(),
      )
      .tags();
  }

  private onOffsetForLeaderEpoch(read: Reader, write: Writer): Writer {
    read.skip(4);
    const topics = this.partitions(
      read,
      () => {
        const asked = { partition: read.int32(), leaderEpoch: read.int32(), offset: -1n, lastEpoch: read.int32() };
        read.tags();
        return asked;
      },
      'OffsetForLeaderEpoch',
    );
    return write
      .int32(0)
      .list(topics, ({ topic, partitions }) =>
        write
          .text(topic)
          .list(partitions, ({ partition, lastEpoch, leaderEpoch }) => {
            const log = this.log(topic, partition);
            const { epoch, end } = this.endOf(log, lastEpoch);
            write
              .int16(this.error('OffsetForLeaderEpoch', partition) || fenced(log, leaderEpoch))
              .int32(partition)
              .int32(epoch)
              .int64(end)
              .tags();
          })
          .tags(),
      )
      .tags();
  }

  private onFetch(read: Reader, write: Writer): Writer {
    read.skip(4 + 4 + 4 + 4 + 1 + 4 + 4);
    const topics = this.partitions(
      read,
      () => {
        const asked = {
          partition: read.int32(),
          leaderEpoch: read.int32(),
          offset: read.int64(),
          lastEpoch: read.int32(),
        };
        read.skip(12);
        read.tags();
        return asked;
      },
      'Fetch',
    );
    const own = this.error('Fetch', -1);
    write.int32(0).int16(own).int32(0);
    write.empty = true;
    return write
      .list(own === 0 ? topics : [], ({ topic, partitions }) =>
        write
          .text(topic)
          .list(partitions, ({ partition, leaderEpoch, offset, lastEpoch }) => {
            const log = this.log(topic, partition);
            const planned = this.error('Fetch', partition) || fenced(log, leaderEpoch);
            const end = lastEpoch < 0 ? null : this.endOf(log, lastEpoch);
            const diverging = planned === 0 && end !== null && (end.epoch < lastEpoch || end.end < offset) ? end : null;
            const code =
              planned || (diverging === null && (offset < log.start || offset > log.end) ? OFFSET_OUT_OF_RANGE : 0);
            const records =
              code === 0 && diverging === null
                ? Buffer.concat(
                    log.batches
                      .filter(({ last }) => last >= offset)
                      .slice(0, 4)
                      .map(({ bytes }) => bytes),
                  )
                : Buffer.alloc(0);
            if (code !== 0 || records.length > 0) write.empty = false;
            write
              .int32(partition)
              .int16(code)
              .int64(code === 0 ? log.end : -1n)
              .int64(code === 0 ? log.end : -1n)
              .int64(log.start)
              .list([], () => write)
              .int32(-1)
              .bytes(this.damage(partition, records));
            if (diverging === null) write.tags();
            else write.int8(1).int8(0).int8(13).int32(diverging.epoch).int64(diverging.end).int8(0);
          })
          .tags(),
      )
      .tags();
  }

  private onFindCoordinator(read: Reader, write: Writer): Writer {
    read.skip(1);
    const keys = read.list(() => read.text());
    return write
      .int32(0)
      .list(keys, (key) =>
        write
          .text(key)
          .int32(NODE)
          .text('127.0.0.1')
          .int32(this.port)
          .int16(this.error('FindCoordinator', -1))
          .text(null)
          .tags(),
      )
      .tags();
  }

  private onJoinGroup(read: Reader, write: Writer): Writer {
    read.text();
    read.skip(8);
    const member = read.text() || randomUUID();
    read.text();
    const type = read.text();
    const [protocol] = read.list(() => {
      const found = { name: read.text(), metadata: read.bytes() };
      read.tags();
      return found;
    });
    return write
      .int32(0)
      .int16(this.error('JoinGroup', -1))
      .int32(1)
      .text(type)
      .text(protocol!.name)
      .text(member)
      .text(member)
      .list([protocol!.metadata], (metadata) => write.text(member).text(null).bytes(metadata).tags())
      .tags();
  }

  private onSyncGroup(read: Reader, write: Writer): Writer {
    read.text();
    read.skip(4);
    read.text();
    read.text();
    const [type, name] = [read.text(), read.text()];
    const [assignment] = read.list(() => {
      read.text();
      const bytes = read.bytes();
      read.tags();
      return bytes;
    });
    return write
      .int32(0)
      .int16(this.error('SyncGroup', -1))
      .text(type)
      .text(name)
      .bytes(assignment ?? Buffer.alloc(0))
      .tags();
  }

  private onHeartbeat(_: Reader, write: Writer): Writer {
    return write.int32(0).int16(this.error('Heartbeat', -1)).tags();
  }
  private onLeaveGroup(_: Reader, write: Writer): Writer {
    return write
      .int32(0)
      .int16(this.error('LeaveGroup', -1))
      .list([], () => write)
      .tags();
  }
  private onOffsetCommit(_: Reader, write: Writer): Writer {
    return write
      .int32(0)
      .list([], () => write)
      .tags();
  }
  private onOffsetFetch(read: Reader, write: Writer): Writer {
    const [group] = read.list(() => read.text());
    return write
      .int32(0)
      .list([group ?? ''], (name) =>
        write
          .text(name)
          .list([], () => write)
          .int16(this.error('OffsetFetch', -1))
          .tags(),
      )
      .tags();
  }

  /** Reads the topics of a request and its fields for each partition; records them in `asked`. */
  private partitions(
    read: Reader,
    item: () => Omit<Asked, 'api' | 'topic'>,
    api: Api,
  ): { topic: string; partitions: Asked[] }[] {
    return read.list(() => {
      const topic = read.text();
      const partitions = read.list(() => ({ api, topic, ...item() }));
      read.tags();
      this.asked.push(...partitions);
      return { topic, partitions };
    });
  }

  private log(topic: string, partition: number): FakeLog {
    return this.topics.get(topic)!.logs[partition]!;
  }

  /** A broker's answer: the highest epoch up to the requested one, and the start of the epoch after it. */
  private endOf({ epochs, end }: FakeLog, asked: number): { epoch: number; end: bigint } {
    const following = epochs.find(({ epoch }) => epoch > asked);
    const known = epochs.findLast(({ epoch }) => epoch <= asked);
    return { epoch: known?.epoch ?? asked, end: following?.start ?? end };
  }
}

function fenced({ epochs }: FakeLog, asked: number): number {
  const { epoch } = epochs.at(-1)!;
  return asked < 0 || asked === epoch ? 0 : asked < epoch ? FENCED_LEADER_EPOCH : UNKNOWN_LEADER_EPOCH;
}

/** Reads the fields of a request, in the protocol's compact encoding. */
class Reader {
  private readonly buffer: Buffer;
  private at = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  skip(bytes: number): void {
    this.at += bytes;
  }
  int32(): number {
    return this.buffer.readInt32BE((this.at += 4) - 4);
  }
  int64(): bigint {
    return this.buffer.readBigInt64BE((this.at += 8) - 8);
  }
  bytes(): Buffer {
    const length = Math.max(0, this.unsigned() - 1);
    return this.buffer.subarray(this.at, (this.at += length));
  }
  /** An empty string for null. */
  text(): string {
    return this.bytes().toString('utf8');
  }
  list<T>(item: () => T): T[] {
    return Array.from({ length: Math.max(0, this.unsigned() - 1) }, item);
  }
  tags(): void {
    for (let left = this.unsigned(); left > 0; left--) {
      this.unsigned();
      this.skip(this.unsigned());
    }
  }
  private unsigned(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.buffer.readUInt8(this.at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
}

/** Writes the fields of an answer, in the protocol's compact encoding. */
class Writer {
  empty = false;
  private readonly parts: Buffer[] = [];

  int8(value: number): this {
    return this.put(1, (buffer) => buffer.writeInt8(value));
  }
  int16(value: number): this {
    return this.put(2, (buffer) => buffer.writeInt16BE(value));
  }
  int32(value: number): this {
    return this.put(4, (buffer) => buffer.writeInt32BE(value));
  }
  int64(value: bigint): this {
    return this.put(8, (buffer) => buffer.writeBigInt64BE(value));
  }
  uuid(value: string): this {
    this.parts.push(Buffer.from(value.replaceAll('-', ''), 'hex'));
    return this;
  }
  bytes(value: Buffer): this {
    this.unsigned(value.length + 1).parts.push(value);
    return this;
  }
  text(value: string | null): this {
    return value === null ? this.unsigned(0) : this.bytes(Buffer.from(value));
  }
  list<T>(items: readonly T[], write: (item: T) => unknown): this {
    this.unsigned(items.length + 1);
    for (const item of items) write(item);
    return this;
  }
  tags(): this {
    return this.unsigned(0);
  }

  finished(): Buffer {
    const bytes = Buffer.concat(this.parts);
    bytes.writeInt32BE(bytes.length - 4, 0);
    return bytes;
  }

  private unsigned(value: number): this {
    const bytes: number[] = [];
    let left = value;
    for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
    this.parts.push(Buffer.from([...bytes, left]));
    return this;
  }

  private put(length: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(length);
    write(buffer);
    this.parts.push(buffer);
    return this;
  }
}
