// The REST catalog of Iceberg's own tests in one Java process, from its Maven jars, over tables in an object store.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endChild, hasEnded } from '../support/end-child.ts';
import { quietPort } from '../support/quiet-port.ts';
import { ACCESS_KEY, SECRET_KEY } from '../support/s3-server.ts';
import { mavenJars } from './kafka-broker.ts';

const ICEBERG = '1.10.0';
const AWS = '2.33.0';

const dependency = (group: string, artifact: string, version: string, classifier?: string): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>` +
  `${classifier === undefined ? '' : `<classifier>${classifier}</classifier>`}</dependency>`;

function catalogJars(): string {
  const aws = ['s3', 'sts', 'kms', 'glue', 'dynamodb', 'url-connection-client'];
  return mavenJars(
    `tsdbt-iceberg-${ICEBERG}`,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tsdbt</groupId><artifactId>iceberg</artifactId><version>1</version><dependencies>
${dependency('org.apache.iceberg', 'iceberg-open-api', ICEBERG, 'test-fixtures')}
${dependency('org.apache.iceberg', 'iceberg-core', ICEBERG)}
${dependency('org.apache.iceberg', 'iceberg-core', ICEBERG, 'tests')}
${dependency('org.apache.iceberg', 'iceberg-aws', ICEBERG)}
${dependency('org.eclipse.jetty', 'jetty-server', '11.0.25')}
${dependency('org.eclipse.jetty', 'jetty-servlet', '11.0.25')}
${dependency('org.xerial', 'sqlite-jdbc', '3.50.3.0')}
${dependency('org.apache.hadoop', 'hadoop-client-api', '3.4.1')}
${dependency('org.apache.hadoop', 'hadoop-client-runtime', '3.4.1')}
${aws.map((artifact) => dependency('software.amazon.awssdk', artifact, AWS)).join('\n')}
${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}
</dependencies></project>`,
  );
}

export class IcebergCatalog {
  readonly uri: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tsdbt-iceberg-'));
  readonly #port: number;
  readonly #endpoint: string;
  #child: ChildProcess | null = null;

  private constructor(port: number, endpoint: string) {
    this.uri = `http://127.0.0.1:${port}`;
    this.#port = port;
    this.#endpoint = endpoint;
  }

  /** @param endpoint of the object store with the bucket `lake` */
  static async start(endpoint: string): Promise<IcebergCatalog> {
    const catalog = new IcebergCatalog(await quietPort(), endpoint);
    await catalog.up();
    return catalog;
  }

  /** Has its process ended by itself? */
  get ended(): boolean {
    return hasEnded(this.#child);
  }

  /** Comes up, with what it holds. */
  async up(): Promise<void> {
    const child = spawn(
      'java',
      [
        ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx400m', '-cp', `${catalogJars()}/*`],
        'org.apache.iceberg.rest.RESTCatalogServer',
      ],
      {
        stdio: 'ignore',
        env: {
          ...process.env,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: ACCESS_KEY,
          AWS_SECRET_ACCESS_KEY: SECRET_KEY,
          CATALOG_WAREHOUSE: 's3://lake/wh',
          CATALOG_IO__IMPL: 'org.apache.iceberg.aws.s3.S3FileIO',
          CATALOG_S3_ENDPOINT: this.#endpoint,
          CATALOG_S3_PATH__STYLE__ACCESS: 'true',
          CATALOG_URI: `jdbc:sqlite:${join(this.#folder, 'catalog.db')}`,
          // Two connections to one file of SQLite leave each other locked out.
          CATALOG_CLIENTS: '1',
          CATALOG_REST_PORT: String(this.#port),
          REST_PORT: String(this.#port),
        },
      },
    );
    this.#child = child;
    while (!this.ended) {
      const answer = await fetch(`${this.uri}/v1/config`).catch(() => null);
      if (answer?.ok === true) return;
      await pause(200);
    }
    throw new Error('the catalog does not come up');
  }

  /** It goes away; `up` brings it back. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await endChild(child);
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
