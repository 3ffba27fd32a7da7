// A real Apache Kafka in one Java process, from its Maven jars, on the loopback address; for tests.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endChild, hasEnded } from '../support/end-child.ts';
import { quietPort } from '../support/quiet-port.ts';
import type { Certificates } from './certificates.ts';

const VERSION = '4.3.1';
/** A broker that was killed is let in again when it was silent for so long; the default is 9 seconds. */
const REGISTERED = 'broker.session.timeout.ms=4000\nbroker.heartbeat.interval.ms=1000';
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tsdbt</groupId><artifactId>broker</artifactId><version>1</version><dependencies>
<dependency>
  <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version>
</dependency>
<dependency>
  <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
</dependency>
</dependencies></project>`;

/** Why there can be no broker here, or null. */
export function whyNoBroker(): string | null {
  for (const [program, argument] of [
    ['java', '-version'],
    ['mvn', '-v'],
  ] as const) {
    try {
      execFileSync(program, [argument], { stdio: 'ignore' });
    } catch {
      return `${program} is not installed`;
    }
  }
  try {
    mavenJars(`tsdbt-kafka-${VERSION}`, POM);
    return null;
  } catch {
    return 'its jars cannot be fetched';
  }
}

/** A folder with all jars of a pom, fetched when it is not there. */
export function mavenJars(name: string, pom: string): string {
  const folder = join(homedir(), '.cache', name);
  if (existsSync(folder)) return folder;
  mkdirSync(join(homedir(), '.cache'), { recursive: true });
  const work = mkdtempSync(join(homedir(), '.cache', 'tsdbt-kafka-'));
  writeFileSync(join(work, 'pom.xml'), pom);
  execFileSync('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime'], {
    cwd: work,
    stdio: 'ignore',
  });
  // Unless another process was faster, whose servers read the folder by now
  if (!existsSync(folder)) renameSync(join(work, 'lib'), folder);
  rmSync(work, { recursive: true, force: true });
  return folder;
}

/** Processes that live for seconds compile little. */
const QUICK_JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** Listeners beside the plain one, each with a port of its own. */
const SECURE = ['SASL', 'SASLTLS', 'TLS', 'EXPIRED'] as const;
export type Listener = (typeof SECURE)[number];
export const USERS = { alice: 'alice-geheim', bob: 'bob-geheim' };

/** A listener whose sessions end after some seconds: users by SCRAM, and tokens that are signed by these keys. */
export interface Sessions {
  readonly endAfterMs: number;
  readonly jwksFile: string;
}

function sessions({ endAfterMs, jwksFile }: Sessions): string {
  const bearer = 'org.apache.kafka.common.security.oauthbearer';
  return `listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-256,OAUTHBEARER
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-256.connections.max.reauth.ms=${endAfterMs}
listener.name.sasl.oauthbearer.connections.max.reauth.ms=${endAfterMs}
listener.name.sasl.oauthbearer.sasl.jaas.config=${bearer}.OAuthBearerLoginModule required;
listener.name.sasl.oauthbearer.sasl.server.callback.handler.class=${bearer}.OAuthBearerValidatorCallbackHandler
sasl.oauthbearer.jwks.endpoint.url=file://${jwksFile}
sasl.oauthbearer.expected.audience=broker
sasl.oauthbearer.expected.issuer=tests
`;
}

/** Users, certificates and who may do what, as server.properties says it. */
function security(certificates: Certificates): string {
  const users = Object.entries(USERS)
    .map(([name, password]) => `user_${name}="${password}"`)
    .join(' ');
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const sasl = ['sasl', 'sasltls'].map(
    (listener) =>
      `listener.name.${listener}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.${listener}.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule ` +
      `required ${users};
listener.name.${listener}.scram-sha-256.sasl.jaas.config=${scram}
listener.name.${listener}.scram-sha-512.sasl.jaas.config=${scram}`,
  );
  const tls = (
    [
      ['tls', 'server'],
      ['sasltls', 'server'],
      ['expired', 'expired'],
    ] as const
  ).map(
    ([listener, name]) => `listener.name.${listener}.ssl.keystore.type=PEM
listener.name.${listener}.ssl.keystore.location=${certificates.path(`${name}.pem`)}
listener.name.${listener}.ssl.truststore.type=PEM
listener.name.${listener}.ssl.truststore.location=${certificates.path('ca.pem')}
listener.name.${listener}.ssl.client.auth=${listener === 'tls' ? 'required' : 'none'}`,
  );
  return `${[...sasl, ...tls].join('\n')}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
`;
}

export class KafkaBroker {
  readonly port: number;
  /** Ports of the other listeners. */
  readonly ports: Readonly<Record<Listener, number>>;
  private readonly controller: number;
  readonly folder: string;
  private readonly lib: string;
  private child: ChildProcess | null = null;
  /** Its log. */
  said = '';
  private allowed = '';

  private constructor(
    lib: string,
    folder: string,
    port: number,
    controller: number,
    ports: Readonly<Record<Listener, number>>,
  ) {
    this.controller = controller;
    this.ports = ports;
    this.lib = lib;
    this.folder = folder;
    this.port = port;
  }

  /** Its process; undefined while it is stopped. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Has its process ended by itself? */
  get ended(): boolean {
    return hasEnded(this.child);
  }

  /**
   * @param certificates with them come listeners for SASL and TLS
   * @param ending without certificates: a listener for SASL whose sessions end
   */
  static async start(certificates: Certificates | null = null, ending: Sessions | null = null): Promise<KafkaBroker> {
    const folder = mkdtempSync(join(tmpdir(), 'tsdbt-broker-'));
    const [port, controller] = [await quietPort(), await quietPort()];
    const ports = {
      SASL: await quietPort(),
      SASLTLS: await quietPort(),
      TLS: await quietPort(),
      EXPIRED: await quietPort(),
    };
    const listeners = certificates !== null ? SECURE : ending !== null ? (['SASL'] as const) : [];
    const more = listeners.length === 0 ? '' : listeners.map((name) => `,${name}://127.0.0.1:${ports[name]}`).join('');
    writeFileSync(
      join(folder, 'server.properties'),
      `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port}${more},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}${more}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,` +
        `SASLTLS:SASL_SSL,TLS:SSL,EXPIRED:SSL
log.dirs=${join(folder, 'data')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.backoff.ms=200
${REGISTERED}
${certificates === null ? '' : security(certificates)}${ending === null ? '' : sessions(ending)}`,
    );
    const broker = new KafkaBroker(mavenJars(`tsdbt-kafka-${VERSION}`, POM), folder, port, controller, ports);
    const scram =
      listeners.length === 0
        ? []
        : Object.entries(USERS).flatMap(([name, password]) =>
            ['256', '512'].flatMap((bits) => ['--add-scram', `SCRAM-SHA-${bits}=[name=${name},password=${password}]`]),
          );
    broker.allowed = ending === null ? '' : `file://${ending.jwksFile}`;
    broker.format(scram);
    await broker.up();
    return broker;
  }

  /** Another broker of this one's cluster, which it leads. @param node its number, 2 or more */
  async beside(node: number): Promise<KafkaBroker> {
    const folder = mkdtempSync(join(tmpdir(), 'tsdbt-broker-'));
    const port = await quietPort();
    writeFileSync(
      join(folder, 'server.properties'),
      `process.roles=broker
node.id=${node}
controller.quorum.voters=1@127.0.0.1:${this.controller}
listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(folder, 'data')}
${REGISTERED}
`,
    );
    const broker = new KafkaBroker(this.lib, folder, port, this.controller, this.ports);
    broker.format([]);
    await broker.up();
    return broker;
  }

  private format(more: readonly string[]): void {
    execFileSync(
      'java',
      [
        ...QUICK_JVM,
        '-cp',
        `${this.lib}/*`,
        'kafka.tools.StorageTool',
        'format',
        '-t',
        'MkU3OEVBNTcwNTJENDM2Qk',
        '-c',
        join(this.folder, 'server.properties'),
        ...more,
      ],
      { stdio: 'pipe' },
    );
  }

  /** Gives a user another password, for SCRAM-SHA-256. */
  async changePassword(user: string, password: string): Promise<void> {
    const config = `SCRAM-SHA-256=[password=${password}]`;
    const address = ['--bootstrap-server', `127.0.0.1:${this.port}`];
    const entity = ['--entity-type', 'users', '--entity-name', user];
    const tool = [...QUICK_JVM, '-cp', `${this.lib}/*`, 'kafka.admin.ConfigCommand', ...address];
    await promisify(execFile)('java', [...tool, '--alter', '--add-config', config, ...entity]);
  }

  async up(): Promise<void> {
    this.child = spawn(
      'java',
      [
        ...QUICK_JVM,
        '-Xmx512m',
        // Kafka reads tokens' keys from no file and no address that it is not allowed.
        `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${this.allowed}`,
        '-cp',
        `${this.lib}/*`,
        'kafka.Kafka',
        join(this.folder, 'server.properties'),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const { child } = this;
    child.stderr?.on('data', (chunk) => {
      this.said += String(chunk);
    });
    while (!this.ended) {
      if (await answers(this.port)) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
    await this.close();
    throw new Error('the broker does not come up');
  }

  /** Waits until the cleaner has been through a compacted topic of one partition, up to an offset beyond the first. */
  async cleaned(topic: string): Promise<void> {
    const path = join(this.folder, 'data', 'cleaner-offset-checkpoint');
    const done = new RegExp(`^${topic} 0 [1-9]`, 'm');
    while (!existsSync(path) || !done.test(readFileSync(path, 'utf8')))
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
  }

  async down(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    this.child = null;
    await endChild(child, signal);
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
