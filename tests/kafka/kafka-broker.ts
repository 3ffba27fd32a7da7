// A real Apache Kafka in one Java process, from its Maven jars, on the loopback address; for tests.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const VERSION = '4.3.1';
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>tsdbt</groupId><artifactId>broker</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency></dependencies></project>`;

function jars(): string {
  const folder = join(homedir(), '.cache', `tsdbt-kafka-${VERSION}`);
  if (existsSync(folder) && readdirSync(folder).length > 30) return folder;
  mkdirSync(join(homedir(), '.cache'), { recursive: true });
  const work = mkdtempSync(join(homedir(), '.cache', 'tsdbt-kafka-'));
  writeFileSync(join(work, 'pom.xml'), POM);
  execFileSync('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime'], { cwd: work, stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
  renameSync(join(work, 'lib'), folder);
  rmSync(work, { recursive: true, force: true });
  return folder;
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export class KafkaBroker {
  readonly port: number;
  private readonly folder: string;
  private readonly lib: string;
  private child: ChildProcess | null = null;

  private constructor(lib: string, folder: string, port: number) {
    this.lib = lib;
    this.folder = folder;
    this.port = port;
  }

  static async start(): Promise<KafkaBroker> {
    const folder = mkdtempSync(join(tmpdir(), 'tsdbt-broker-'));
    const [port, controller] = [await freePort(), await freePort()];
    writeFileSync(join(folder, 'server.properties'), `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(folder, 'data')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
`);
    const broker = new KafkaBroker(jars(), folder, port);
    execFileSync('java', ['-cp', `${broker.lib}/*`, 'kafka.tools.StorageTool', 'format', '-t', 'MkU3OEVBNTcwNTJENDM2Qk', '-c', join(folder, 'server.properties')], { stdio: 'ignore' });
    await broker.up();
    return broker;
  }

  async up(): Promise<void> {
    this.child = spawn('java', ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m', '-cp', `${this.lib}/*`, 'kafka.Kafka', join(this.folder, 'server.properties')], { stdio: 'ignore' });
    for (let i = 0; i < 600; i++) {
      if (await answers(this.port)) return;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    throw new Error('the broker does not come up');
  }

  async down(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null) return;
    await new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill(signal);
    });
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
